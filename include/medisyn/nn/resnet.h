// The convolutional blocks of diffusion U-Nets and of their autoencoders.
// Source: diffusers, models/resnet.py, models/downsampling.py, models/upsampling.py; parameter names are the
// same.
#pragma once

#include "medisyn/nn/layers.h"

namespace medisyn {

struct ResnetShape {
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t time_width = 0;  ///< of the timestep embedding; 0: the block sees no time
  std::int64_t groups = 32;
  double eps = 1e-6;
  double dropout = 0;
};

///   x ─┬─ norm1 ─ SiLU ─ conv1 ─ + ─ norm2 ─ SiLU ─ dropout ─ conv2 ─ + ─ y
///      │                         │                                    │
///      │   time ─ SiLU ─ time_emb_proj                                │
///      └────────────── conv_shortcut (where in and out differ) ───────┘
class ResnetBlock2DImpl : public torch::nn::Module {
 public:
  explicit ResnetBlock2DImpl(const ResnetShape& shape);

  /// [B, in, H, W] and time [B, time_width] (undefined where the block sees none) -> [B, out, H, W]
  torch::Tensor forward(const torch::Tensor& input, const torch::Tensor& time = {});

 private:
  GroupNorm norm1_;
  Conv2d conv1_;
  Linear time_emb_proj_{nullptr};
  GroupNorm norm2_;
  Conv2d conv2_;
  Conv2d conv_shortcut_{nullptr};
  double dropout_;
};
TORCH_MODULE(ResnetBlock2D);

/// Halves the size by a 3x3 convolution of stride 2. Padding 1 on every side, or with `padding` 0 one row
/// below and one column at the right, as autoencoders do. [B, C, H, W] -> [B, C, ceil(H / 2) or floor(H / 2),
/// ...]
class Downsample2DImpl : public torch::nn::Module {
 public:
  Downsample2DImpl(std::int64_t channels, std::int64_t padding);
  torch::Tensor forward(const torch::Tensor& input);

 private:
  std::int64_t padding_;
  Conv2d conv_;
};
TORCH_MODULE(Downsample2D);

/// Nearest neighbour to `height` x `width`, then a 3x3 convolution. [B, C, H, W] -> [B, C, height, width]
class Upsample2DImpl : public torch::nn::Module {
 public:
  explicit Upsample2DImpl(std::int64_t channels);
  torch::Tensor forward(const torch::Tensor& input, std::int64_t height, std::int64_t width);

 private:
  Conv2d conv_;
};
TORCH_MODULE(Upsample2D);

}  // namespace medisyn
