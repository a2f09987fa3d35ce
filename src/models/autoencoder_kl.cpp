#include "medisyn/models/autoencoder_kl.h"

#include <array>
#include <string_view>

namespace medisyn {

DiagonalGaussian::DiagonalGaussian(const torch::Tensor& moments) {
  const std::vector<torch::Tensor> halves = moments.chunk(2, 1);
  mean = halves[0];
  logvar = halves[1].clamp(-30, 20);
}

torch::Tensor DiagonalGaussian::sample(const torch::Tensor& noise) const {
  return mean + (0.5 * logvar).exp() * noise;
}

torch::Tensor DiagonalGaussian::kl() const {
  return 0.5 * (mean.pow(2) + logvar.exp() - 1 - logvar).sum({1, 2, 3});
}

AutoencoderKLImpl::AutoencoderKLImpl(const AutoencoderKLConfig& config) : config_(config) {
  config.check();
  encoder_ = register_module("encoder", Encoder(config));
  decoder_ = register_module("decoder", Decoder(config));
  const std::int64_t latent = config.latent_channels;
  if (config.use_quant_conv) {
    quant_conv_ = register_module(
        "quant_conv", Conv2d(ConvShape{.in = 2 * latent, .out = 2 * latent, .kernel = 1, .padding = 0}));
  }
  if (config.use_post_quant_conv) {
    post_quant_conv_ = register_module(
        "post_quant_conv", Conv2d(ConvShape{.in = latent, .out = latent, .kernel = 1, .padding = 0}));
  }
}

torch::Tensor AutoencoderKLImpl::encode(const torch::Tensor& images) {
  TORCH_CHECK(images.dim() == 4 && images.size(1) == config_.in_channels, "expected images [B, ",
              config_.in_channels, ", H, W], got ", images.sizes());
  const torch::Tensor moments = encoder_(images);
  return quant_conv_ ? quant_conv_(moments) : moments;
}

torch::Tensor AutoencoderKLImpl::decode(const torch::Tensor& latents) {
  TORCH_CHECK(latents.dim() == 4 && latents.size(1) == config_.latent_channels, "expected latents [B, ",
              config_.latent_channels, ", h, w], got ", latents.sizes());
  return decoder_(post_quant_conv_ ? post_quant_conv_(latents) : latents);
}

void AutoencoderKLImpl::drop_decoder() {
  drop("decoder", decoder_);
  drop("post_quant_conv", post_quant_conv_);
}

void AutoencoderKLImpl::drop_encoder() {
  drop("encoder", encoder_);
  drop("quant_conv", quant_conv_);
}

template <class Part>
void AutoencoderKLImpl::drop(const char* name, Part& part) {
  if (part) {
    unregister_module(name);
    part = nullptr;
  }
}

std::string current_key(const AutoencoderKLImpl&, const std::string& key) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kOldNames = {{
      {".attentions.0.query.", ".attentions.0.to_q."},
      {".attentions.0.key.", ".attentions.0.to_k."},
      {".attentions.0.value.", ".attentions.0.to_v."},
      {".attentions.0.proj_attn.", ".attentions.0.to_out.0."},
  }};
  for (const auto& [old_name, new_name] : kOldNames) {
    if (const std::size_t at = key.find(old_name); at != std::string::npos) {
      return std::string(key).replace(at, old_name.size(), new_name);
    }
  }
  return key;
}

}  // namespace medisyn
