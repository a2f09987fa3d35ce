// Stable Diffusion 1.x and 2.x as diffusers keeps it: one folder a component.
//
//   model_index.json            which class each component is
//   tokenizer/                  vocab.json, merges.txt, tokenizer_config.json, special_tokens_map.json
//   text_encoder/ unet/ vae/    config.json, model.safetensors or diffusion_pytorch_model.safetensors
//   scheduler/                  scheduler_config.json
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>

#include "medisyn/diffusion/scheduler_config.h"
#include "medisyn/models/autoencoder_kl.h"
#include "medisyn/models/clip_text.h"
#include "medisyn/models/unet_2d_condition.h"
#include "medisyn/text/clip_tokenizer.h"

namespace medisyn {

struct StableDiffusion {
  ClipTokenizer tokenizer;
  CLIPTextModel text_encoder;
  UNet2DConditionModel unet;
  AutoencoderKL vae;
  SchedulerConfig scheduler;
};

/// The folder with model_index.json that `folder` means: itself, or for a training run the checkpoint that
/// its file `latest` names. Error when it is neither.
std::filesystem::path resolve_model_folder(const std::filesystem::path& folder);

/// Reads all components in `dtype`, in eval mode, on the CPU. Error naming the file for a missing component,
/// one of another class, or components that do not fit each other (text width, latent channels, vocabulary).
StableDiffusion load_stable_diffusion(const std::filesystem::path& folder,
                                      torch::ScalarType dtype = torch::kFloat);

/// Writes the folder so that diffusers' StableDiffusionPipeline.from_pretrained() loads it; no safety
/// checker.
void save_stable_diffusion(const std::filesystem::path& folder, const StableDiffusion& model);

/// One hash for the model: SHA-256 over the sorted list of its files' names and SHA-256.
std::string model_sha256(const std::filesystem::path& folder);

}  // namespace medisyn
