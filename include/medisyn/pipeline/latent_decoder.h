// Latents -> images, in pieces that fit into memory and in a precision that can hold them.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

#include "medisyn/models/autoencoder_kl.h"

namespace medisyn {

/// When a large image is decoded in tiles. They overlap and are blended, but each has a normalisation of its
/// own: the picture is a slightly other one, as that of diffusers' enable_vae_tiling().
enum class VaeTiling : std::uint8_t {
  kAuto,    ///< when the memory that is free would not do
  kAlways,  ///< every image larger than the VAE's sample_size
  kNever,
};

/// "auto", "always" or "never". Error for anything else.
VaeTiling parse_vae_tiling(const std::string& name);

class LatentDecoder {
 public:
  /// Moves the VAE to the device, channels-last, in `dtype`; in fp32 where its config has force_upcast and
  /// dtype is fp16.
  LatentDecoder(AutoencoderKL vae, torch::Device device, torch::ScalarType dtype, VaeTiling tiling);

  /// Image by image on a CPU, where a batch gains nothing and takes its multiple of memory. An image that
  /// comes out of fp16 as NaN or infinity is decoded again in fp32. [B, C, h, w] as the last sampler step
  /// gives them -> [B, 3, H, W], about -1..1, fp32
  torch::Tensor decode(const torch::Tensor& latents);

  std::int64_t upcast_images() const { return upcast_images_; }  ///< decoded again in fp32
  std::int64_t tiled_images() const { return tiled_images_; }    ///< decoded in tiles

 private:
  void convert(torch::ScalarType dtype);
  torch::Tensor decode_part(const torch::Tensor& latents);  ///< in whatever dtype the VAE has
  torch::Tensor decode_whole_or_tiled(const torch::Tensor& latents);
  torch::Tensor decode_tiled(const torch::Tensor& latents);
  bool fits(const torch::Tensor& latents) const;

  AutoencoderKL vae_;
  torch::Device device_;
  torch::ScalarType dtype_;
  VaeTiling tiling_;
  std::int64_t upcast_images_ = 0;
  std::int64_t tiled_images_ = 0;
};

}  // namespace medisyn
