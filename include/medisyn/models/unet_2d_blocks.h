// The levels of the conditional U-Net.
// Source: diffusers, models/unets/unet_2d_blocks.py; parameter names are the same.
#pragma once

#include <optional>
#include <vector>

#include "medisyn/nn/resnet.h"
#include "medisyn/nn/transformer_2d.h"

namespace medisyn {

/// One level. CrossAttnDownBlock2D and CrossAttnUpBlock2D have an `attention`, DownBlock2D and UpBlock2D
/// none.
struct UNetLevelShape {
  ResnetShape resnet;  ///< in: channels that come from the level before; out: channels of this level
  std::int64_t layers = 1;
  std::int64_t skip = 0;  ///< up only: channels of the last skip connection, that of the next finer level
  std::optional<Transformer2DShape> attention;
  bool has_resampler = true;            ///< false at the last level
  std::int64_t downsample_padding = 1;  ///< down only
};

/// Per layer: resnet, attention to the text; then downsamplers.0. Every result is kept as a skip connection.
class DownBlock2DImpl : public torch::nn::Module {
 public:
  explicit DownBlock2DImpl(const UNetLevelShape& shape);

  /// [B, in, h, w] -> [B, out, h / 2, w / 2] (h, w at the last level); appends layers + 1 tensors to `skips`
  /// (layers at the last level).
  torch::Tensor forward(torch::Tensor hidden, const torch::Tensor& time, const Context& text,
                        std::vector<torch::Tensor>& skips);

 private:
  torch::nn::ModuleList resnets_;
  torch::nn::ModuleList attentions_;
  torch::nn::ModuleList downsamplers_;
};
TORCH_MODULE(DownBlock2D);

/// resnets.0, attentions.0, resnets.1
class UNetMidBlock2DCrossAttnImpl : public torch::nn::Module {
 public:
  UNetMidBlock2DCrossAttnImpl(const ResnetShape& resnet, const Transformer2DShape& attention);

  /// [B, C, h, w] -> [B, C, h, w]
  torch::Tensor forward(torch::Tensor hidden, const torch::Tensor& time, const Context& text);

 private:
  torch::nn::ModuleList resnets_;
  torch::nn::ModuleList attentions_;
};
TORCH_MODULE(UNetMidBlock2DCrossAttn);

/// Per layer: the newest skip connection joined to the channels, resnet, attention to the text; then
/// upsamplers.0 to the size of the next skip connection.
class UpBlock2DImpl : public torch::nn::Module {
 public:
  explicit UpBlock2DImpl(const UNetLevelShape& shape);

  /// [B, in, h, w] -> [B, out, 2h, 2w] (h, w at the last level); takes its tensors off the end of `skips`.
  torch::Tensor forward(torch::Tensor hidden, const torch::Tensor& time, const Context& text,
                        std::vector<torch::Tensor>& skips);

 private:
  torch::nn::ModuleList resnets_;
  torch::nn::ModuleList attentions_;
  torch::nn::ModuleList upsamplers_;
};
TORCH_MODULE(UpBlock2D);

}  // namespace medisyn
