// Stable Diffusion 1.x, 2.x and XL as diffusers keeps them: one folder a component.
//
//   model_index.json            which class each component is
//   tokenizer/                  vocab.json and merges.txt (CLIP) or vocab.txt (BERT), tokenizer_config.json
//   text_encoder/ unet/ vae/    config.json, model.safetensors or diffusion_pytorch_model.safetensors
//   scheduler/                  scheduler_config.json
//   tokenizer_2/ text_encoder_2/   of XL
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <optional>

#include "medisyn/diffusion/scheduler_config.h"
#include "medisyn/models/autoencoder_kl.h"
#include "medisyn/models/text_encoder.h"
#include "medisyn/models/unet_2d_condition.h"
#include "medisyn/text/tokenizer.h"

namespace medisyn {

/// SDXL's second text encoder (OpenCLIP bigG) and its tokenizer, which pads otherwise.
struct SecondTextEncoder {
  Tokenizer tokenizer;
  CLIPTextModelWithProjection text_encoder;
};

struct StableDiffusion {
  Tokenizer tokenizer;
  TextEncoder text_encoder;
  UNet2DConditionModel unet;
  AutoencoderKL vae;
  SchedulerConfig scheduler;
  std::optional<SecondTextEncoder> second = {};  ///< of SDXL
  bool force_zeros_for_empty_prompt = true;      ///< SDXL: no negative prompt at all means zeros
  bool is_as_read =
      false;  ///< no weight was changed since the folder was read: release_weights() may be used
};

/// Reads all components in `dtype`, in eval mode, on the CPU. Error naming the file for a missing component,
/// one of another class, or components that do not fit each other (text width, latent channels, vocabulary).
StableDiffusion load_stable_diffusion(const std::filesystem::path& folder,
                                      torch::ScalarType dtype = torch::kFloat);

/// Writes the folder so that diffusers' from_pretrained() loads it; no safety checker.
void save_stable_diffusion(const std::filesystem::path& folder, const StableDiffusion& model);

}  // namespace medisyn
