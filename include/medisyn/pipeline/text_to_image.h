// Text to image: prompt -> tokens -> text -> sampler -> VAE -> image.
//
//   text, negative ─ PromptEncoder ─ [2B, L, D], SDXL [2B, P] ─┐
//   seed ─ noise x_T [B, C, h, w] ─ sampler ( guidance( unet ) ) ─ latents [B, C, h, w] ─ vae ─ images [B, 3,
//   H, W]
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "medisyn/diffusion/sampler.h"
#include "medisyn/pipeline/latent_decoder.h"
#include "medisyn/pipeline/prompt_encoder.h"
#include "medisyn/pipeline/stable_diffusion.h"
#include "medisyn/pipeline/unet_runner.h"
#include "medisyn/text/prompts.h"

namespace medisyn {

/// Everything that one image depends on beside the model.
struct ImageRequest {
  std::string text;
  std::optional<std::string> negative;  ///< none: PromptEncoder::encode_negative()
  std::uint32_t seed = 0;
  double scale = 7.5;           ///< of classifier-free guidance; up to 1 the unconditional pass is left out
  double guidance_rescale = 0;  ///< 0..1, how far guidance keeps the prediction's deviation
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
  /// activations; latents and noise stay in fp32. The VAE is a LatentDecoder's. On a CPU the U-Net's and the
  /// VAE's weights are packed and given up (prepare_for_inference()): `model` draws and does nothing else
  /// from now on. `recorder`: UNetRunner's.
  TextToImage(StableDiffusion model, torch::Device device, torch::ScalarType dtype,
              VaeTiling tiling = VaeTiling::kAuto, Recorder recorder = {});

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
  const LatentDecoder& decoder() const { return decoder_; }

 private:
  /// What the conditions of a batch are made from.
  struct Wording {
    std::vector<std::string> texts;
    std::vector<std::optional<std::string>> negatives;  ///< none without guidance
    std::int64_t width = 0, height = 0;
    bool operator==(const Wording&) const = default;
  };

  /// The rows of the negative prompts, where there are any, come first.
  Conditions conditions(const Wording& wording);
  void release_text_encoders() const;
  /// Gives the U-Net the conditions of the next batch, unless they are those that it has.
  void start_batch(std::span<const ImageRequest> requests);
  /// Noise prediction with guidance, for one batch.
  DenoiseFn denoiser(std::span<const ImageRequest> requests);

  StableDiffusion model_;
  torch::Device device_;
  torch::ScalarType dtype_;
  PromptEncoder encoder_;
  LatentDecoder decoder_;
  UNetRunner unet_;
  std::optional<Wording> wording_;  ///< of the conditions that unet_ has
};

}  // namespace medisyn
