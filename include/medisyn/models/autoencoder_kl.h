// The image compressor of Stable Diffusion: pixels to the moments of a Gaussian over latents, and back.
//
//   images [B, 3, H, W] ─ encoder ─ quant_conv ─ moments [B, 2C, h, w]          h = H / 2^(blocks - 1)
//   latents [B, C, h, w] ─ post_quant_conv ─ decoder ─ images [B, 3, H, W]
//
// Source: diffusers, models/autoencoders/autoencoder_kl.py; parameter names are the same.
#pragma once

#include <torch/nn.h>

#include "medisyn/models/autoencoder_kl_config.h"
#include "medisyn/models/vae_coder.h"

namespace medisyn {

/// The posterior over latents, one Gaussian a value (Kingma & Welling, 2014,
/// https://arxiv.org/abs/1312.6114).
struct DiagonalGaussian {
  /// Splits moments [B, 2C, h, w] into mean and log variance, the latter clamped to -30..20.
  explicit DiagonalGaussian(const torch::Tensor& moments);

  /// mean + exp(logvar / 2) * noise; noise [B, C, h, w] standard normal.
  torch::Tensor sample(const torch::Tensor& noise) const;
  torch::Tensor mode() const { return mean; }

  /// The divergence from the standard normal in nats, summed over each image: [B] (equation 10 of the paper
  /// above).
  torch::Tensor kl() const;

  torch::Tensor mean;    ///< [B, C, h, w]
  torch::Tensor logvar;  ///< [B, C, h, w]
};

class AutoencoderKLImpl : public torch::nn::Module {
 public:
  using Config = AutoencoderKLConfig;

  /// Random weights, as the reference draws them, from torch's global generator.
  explicit AutoencoderKLImpl(const AutoencoderKLConfig& config);

  /// Images in [-1, 1] -> moments, log variance not clamped. [B, 3, H, W] -> [B, 2C, h, w]
  torch::Tensor encode(const torch::Tensor& images);

  /// Latents not scaled (divide those of the diffusion by config().scaling_factor first).
  /// [B, C, h, w] -> [B, 3, H, W], about -1..1, not clamped
  torch::Tensor decode(const torch::Tensor& latents);

  /// Gives up what decode(), or encode(), needs, which must not be called any more.
  void drop_decoder();
  void drop_encoder();

  const AutoencoderKLConfig& config() const { return config_; }

 private:
  template <class Part>
  void drop(const char* name, Part& part);

  AutoencoderKLConfig config_;
  Encoder encoder_{nullptr};
  Decoder decoder_{nullptr};
  Conv2d quant_conv_{nullptr};       ///< none when use_quant_conv is false
  Conv2d post_quant_conv_{nullptr};  ///< none when use_post_quant_conv is false
};
TORCH_MODULE(AutoencoderKL);

/// Today's spelling of a parameter's name: files of SD 1.4 call the attention's parts query, key, value and
/// proj_attn (diffusers before 0.18).
std::string current_key(const AutoencoderKLImpl&, const std::string& key);

}  // namespace medisyn
