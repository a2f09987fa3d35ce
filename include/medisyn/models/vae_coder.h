// The two halves of AutoencoderKL.
//
//   Encoder   conv_in ─ down_blocks ─ mid_block ─ conv_norm_out ─ SiLU ─ conv_out
//   Decoder   conv_in ─ mid_block ─ up_blocks ─ conv_norm_out ─ SiLU ─ conv_out
//
// Source: diffusers, models/autoencoders/vae.py; parameter names are the same.
#pragma once

#include "medisyn/models/autoencoder_kl_config.h"
#include "medisyn/nn/attention.h"
#include "medisyn/nn/resnet.h"

namespace medisyn {

/// resnets, then downsamplers.0 (DownEncoderBlock2D) or upsamplers.0 (UpDecoderBlock2D) but at the last
/// level.
class VaeLevelImpl : public torch::nn::Module {
 public:
  enum class Resampler { kNone, kDown, kUp };
  VaeLevelImpl(ResnetShape resnet, std::int64_t layers, Resampler resampler);

  /// [B, in, H, W] -> [B, out, H', W'], H' = H, H / 2 or 2 H
  torch::Tensor forward(torch::Tensor hidden);

 private:
  torch::nn::ModuleList resnets_;
  torch::nn::ModuleList downsamplers_;
  torch::nn::ModuleList upsamplers_;
};
TORCH_MODULE(VaeLevel);

/// resnets.0, attentions.0 (unless left out), resnets.1. Source: UNetMidBlock2D.
class VaeMidBlockImpl : public torch::nn::Module {
 public:
  VaeMidBlockImpl(std::int64_t channels, std::int64_t groups, bool has_attention);
  torch::Tensor forward(torch::Tensor hidden);  ///< [B, C, h, w] -> [B, C, h, w]

 private:
  torch::nn::ModuleList resnets_;
  torch::nn::ModuleList attentions_;
};
TORCH_MODULE(VaeMidBlock);

class EncoderImpl : public torch::nn::Module {
 public:
  explicit EncoderImpl(const AutoencoderKLConfig& config);
  torch::Tensor forward(const torch::Tensor& images);  ///< [B, 3, H, W] -> [B, 2 C, h, w]

 private:
  Conv2d conv_in_;
  torch::nn::ModuleList down_blocks_;
  VaeMidBlock mid_block_{nullptr};
  GroupNorm conv_norm_out_{nullptr};
  Conv2d conv_out_{nullptr};
};
TORCH_MODULE(Encoder);

class DecoderImpl : public torch::nn::Module {
 public:
  explicit DecoderImpl(const AutoencoderKLConfig& config);
  torch::Tensor forward(const torch::Tensor& latents);  ///< [B, C, h, w] -> [B, 3, H, W]

 private:
  Conv2d conv_in_;
  VaeMidBlock mid_block_;
  torch::nn::ModuleList up_blocks_;
  GroupNorm conv_norm_out_{nullptr};
  Conv2d conv_out_{nullptr};
};
TORCH_MODULE(Decoder);

}  // namespace medisyn
