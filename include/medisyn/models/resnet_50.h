// torchvision's ResNet-50.
//
//   images ─ conv1 7x7 /2 ─ max pool /2 ─ layer1 .. layer4 (3, 4, 6, 3 bottlenecks) ─ mean over pixels ─ [B,
//   2048] ─ fc
//
// The stride of a bottleneck is in its 3x3 convolution, as in torchvision ("V1.5").
// Source: torchvision, models/resnet.py; He et al., 2015, https://arxiv.org/abs/1512.03385. Parameter names
// are the same.
#pragma once

#include <torch/nn.h>

#include <cstdint>

#include "medisyn/models/folded_conv.h"

namespace medisyn {

class ResNet50Impl : public torch::nn::Module {
 public:
  static constexpr std::int64_t kImagePixels = 224;  ///< height and width it was trained with
  static constexpr std::int64_t kFeatures = 2048;

  /// Random weights, as the reference draws them, from torch's global generator.
  explicit ResNet50Impl(std::int64_t classes = 1000);

  /// For inference from now on, with the weights that the model holds at this moment, on their device: batch
  /// norms become part of the convolutions, which run as folded_conv.h says.
  void fold();

  /// The pooled features. [B, 3, H, W], normalised by ImageNet's mean and deviation -> [B, 2048]
  torch::Tensor features(const torch::Tensor& images);

  /// The logits. [B, 3, H, W] -> [B, classes]
  torch::Tensor forward(const torch::Tensor& images) { return fc_(features(images)); }

 private:
  NormedConv stem_;  ///< "conv1", "bn1"
  torch::nn::Sequential layer1_;
  torch::nn::Sequential layer2_;
  torch::nn::Sequential layer3_;
  torch::nn::Sequential layer4_;
  torch::nn::Linear fc_;
};
TORCH_MODULE(ResNet50);

}  // namespace medisyn
