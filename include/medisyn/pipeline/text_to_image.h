// Text to image: prompt -> tokens -> text -> sampler -> VAE -> image.
//
//   text, negative ─ tokenizer, text_encoder ─ [2B, L, D] ──┐
//   seed ─ noise x_T [B, C, h, w] ─ sampler ( guidance( unet ) ) ─ latents [B, C, h, w] ─ vae ─ images [B, 3,
//   H, W]
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "medisyn/diffusion/sampler.h"
#include "medisyn/pipeline/stable_diffusion.h"
#include "medisyn/text/prompts.h"

namespace medisyn {

/// Everything that one image depends on beside the model.
struct ImageRequest {
  std::string text;
  std::string negative;
  std::uint32_t seed = 0;
  double scale = 7.5;  ///< of classifier-free guidance; up to 1 the unconditional pass is left out
  PixelSize size;
  SamplerOptions sampler;
};

/// What a batch gives, on the CPU in fp32.
struct ImageBatch {
  torch::Tensor
      latents;  ///< [B, C, h, w], as the last sampler step gives them, times the VAE's scaling factor
  torch::Tensor images;  ///< [B, 3, H, W], about -1..1, not clamped; NaN where the model broke
};

/// Cuts a list into batches of requests that differ in text, negative and seed alone, in order of first
/// appearance. Depends on the whole list and the batch size only, so that a resumed or shared run makes the
/// same batches.
std::vector<std::vector<std::size_t>> plan_batches(const std::vector<ImageRequest>& requests,
                                                   std::int64_t batch);

class TextToImage {
 public:
  /// Moves the model to the device; convolutions run channels-last. `dtype` is that of the weights and the
  /// activations; latents and noise stay in fp32. The VAE runs in fp32 where its config has force_upcast and
  /// dtype is fp16.
  TextToImage(StableDiffusion model, torch::Device device, torch::ScalarType dtype);

  /// Draws one batch of plan_batches(). It is filled up to `batch` by repeating the last request and the
  /// extra images are thrown away: the last bits of a matrix product change with its shape, and so every
  /// image is made in a whole batch. Nothing when `keep_going` said false in between.
  std::optional<ImageBatch> draw(std::span<const ImageRequest> requests, std::int64_t batch,
                                 const StepFn& keep_going = {});

  /// Error when a width or height is no multiple of what VAE and U-Net halve, naming `where`.
  void check_size(const PixelSize& size, const std::string& where) const;

  /// The size the model was trained with: unet sample_size times the VAE's factor. Error when the config has
  /// none.
  PixelSize default_size() const;

  const StableDiffusion& model() const { return model_; }

 private:
  /// [L, D], computed alone and once a text, so that it depends on nothing else.
  torch::Tensor embedding(const std::string& text);
  /// [B, L, D]
  torch::Tensor embeddings(std::span<const ImageRequest> requests, bool negative);
  /// Noise prediction with guidance, for one batch.
  DenoiseFn denoiser(std::span<const ImageRequest> requests);
  torch::Tensor decode(const torch::Tensor& latents);

  StableDiffusion model_;
  torch::Device device_;
  torch::ScalarType dtype_;
  torch::ScalarType vae_dtype_;
  std::unordered_map<std::string, torch::Tensor> embeddings_;
};

}  // namespace medisyn
