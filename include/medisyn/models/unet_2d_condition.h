// The denoiser of Stable Diffusion 1.x, 2.x and XL: a U-Net that sees a noisy latent, a timestep and a text.
//
//   timesteps ─ sinusoids ─ time_embedding ──────────┐ (into every resnet block)
//   SDXL: pooled text, sizes ─ add_embedding ────────┤ (added to it)
//   text ────────────────────────────────────────────┤ (into every cross-attention)
//   sample ─ conv_in ─ down_blocks ─ mid_block ─ up_blocks ─ conv_norm_out ─ SiLU ─ conv_out ─ noise
//                         └────── skip connections ──────┘
//
// Source: diffusers, models/unets/unet_2d_condition.py; parameter names are the same.
#pragma once

#include <torch/nn.h>

#include "medisyn/models/unet_2d_blocks.h"
#include "medisyn/models/unet_2d_condition_config.h"
#include "medisyn/nn/embeddings.h"

namespace medisyn {

/// What an SDXL U-Net sees beside the text; both undefined in SD.
struct AddedConditions {
  torch::Tensor text_embeds;  ///< [B, P] pooled and projected text
  torch::Tensor
      time_ids;  ///< [B, 6] original height and width, top and left of the crop, target height and width
};

class UNet2DConditionModelImpl : public torch::nn::Module {
 public:
  using Config = UNet2DConditionConfig;

  /// Random weights, as the reference draws them, from torch's global generator.
  explicit UNet2DConditionModelImpl(const UNet2DConditionConfig& config);

  /// The prediction (noise, velocity or image, whatever it was trained for).
  ///   sample                 [B, in_channels, h, w]; h and w multiples of 2^(blocks - 1), unless the
  ///   reference's
  ///                          own up-sampling to the size of the skip connection makes up for it
  ///   timesteps              [B] or [], int64 or float
  ///   encoder_hidden_states  [B, L, cross_attention_dim]; Context::kept() when the same text comes again
  ///   added                  for addition_embed_type text_time alone
  /// -> [B, out_channels, h, w]
  torch::Tensor forward(const torch::Tensor& sample, const torch::Tensor& timesteps,
                        const Context& encoder_hidden_states, const AddedConditions& added = {});

  const UNet2DConditionConfig& config() const { return config_; }

 private:
  /// The embedding of the timesteps, sinusoids in fp32. [B] -> [B, D]
  torch::Tensor embed_timesteps(const torch::Tensor& timesteps, const torch::Tensor& sample);
  /// SDXL's embedding of pooled text and sizes. -> [B, D]
  torch::Tensor embed_added(const AddedConditions& added, const torch::Tensor& sample);

  UNet2DConditionConfig config_;
  Conv2d conv_in_{nullptr};
  TimestepEmbedding time_embedding_{nullptr};
  TimestepEmbedding add_embedding_{nullptr};
  torch::nn::ModuleList down_blocks_;
  UNetMidBlock2DCrossAttn mid_block_{nullptr};
  torch::nn::ModuleList up_blocks_;
  GroupNorm conv_norm_out_{nullptr};
  Conv2d conv_out_{nullptr};
};
TORCH_MODULE(UNet2DConditionModel);

}  // namespace medisyn
