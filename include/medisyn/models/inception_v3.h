// Inception-v3 as FID uses it: the TensorFlow network of 2015 in PyTorch's names.
//
//   images ─ stem ─ Mixed_5b 5c 5d ─ Mixed_6a .. 6e ─ Mixed_7a 7b 7c ─ mean over pixels ─ [B, 2048] ─ fc ─
//   [B, 1008]
//
// Three things differ from torchvision's: average pools leave padding out of their count, Mixed_7c pools by
// maximum, and there are 1,008 classes and no auxiliary ones.
// Source: pytorch-fid, inception.py; Szegedy et al., 2015, https://arxiv.org/abs/1512.00567. Parameter names
// are those of its file pt_inception-2015-12-05-6726825d.pth.
#pragma once

#include <torch/nn.h>

#include <cstdint>

namespace medisyn {

class InceptionV3Impl : public torch::nn::Module {
 public:
  static constexpr std::int64_t kImagePixels = 299;  ///< height and width it was trained with
  static constexpr std::int64_t kFeatures = 2048;    ///< of the pool3 layer
  static constexpr std::int64_t kClasses = 1008;

  InceptionV3Impl();

  /// For features alone from now on, with the weights that the model holds at this moment, on their device:
  /// batch norms become part of the convolutions, which run as folded_conv.h says.
  void fold();

  /// The pool3 features of FID. [B, 3, 299, 299] in [-1, 1] -> [B, 2048]
  torch::Tensor features(const torch::Tensor& images);

  /// The logits, of which the first 1,000 classes make the Inception Score. [B, 3, 299, 299] -> [B, 1008]
  torch::Tensor forward(const torch::Tensor& images);

 private:
  torch::nn::Linear fc_;
  bool is_folded_ = false;
};
TORCH_MODULE(InceptionV3);

}  // namespace medisyn
