// What is trained, from what, and what is shown of it: sections `parts`, `vae_loss` and `preview`.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"
#include "medisyn/diffusion/scheduler_config.h"
#include "medisyn/models/clip_text_config.h"
#include "medisyn/models/unet_2d_condition_config.h"

namespace medisyn {

/// The weights of an AutoencoderKL's loss (reconstruction_loss of train/objective.h) and of the posterior's
/// KL, a sum over each image's latent. Rombach et al. (2022) add a perceptual and an adversarial loss, whose
/// networks are not to be had.
struct VaeLossConfig {
  double l1 = 1;
  double l2 = 0;
  double gradient = 0;      ///< weighs thin structures of little contrast, which l2 alone smooths away
  double kl_weight = 1e-6;  ///< Rombach et al., section 3.1: "slight"

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("l1", self.l1, at_least(0));
    visit("l2", self.l2, at_least(0));
    visit("gradient", self.gradient, at_least(0));
    visit("kl_weight", self.kl_weight, at_least(0));
  }
};

/// What a text-to-image training starts from: a whole Hugging Face folder, or parts from scratch.
struct PartsConfig {
  std::optional<std::filesystem::path> base;  ///< HF folder or training run; the rest then stays out
  /// With base: its texts are encoded by this text encoder instead. A Hugging Face folder of text_encoder/
  /// and tokenizer/, or BiomedCLIP's as open_clip keeps it.
  std::optional<std::filesystem::path> text;
  std::optional<std::filesystem::path> vae;        ///< HF folder of a VAE, or a run that trained one
  std::optional<std::filesystem::path> tokenizer;  ///< its folder, or CLIP's file of merges
  UNet2DConditionConfig unet;
  CLIPTextConfig text_encoder;
  SchedulerConfig scheduler = stable_diffusion_scheduler();

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("base", self.base);
    visit("text", self.text);
    visit("vae", self.vae);
    visit("tokenizer", self.tokenizer);
    visit("unet", self.unet);
    visit("text_encoder", self.text_encoder);
    visit("scheduler", self.scheduler);
  }
};

/// Pictures that are drawn at each validation, to be looked at while the training runs.
struct PreviewConfig {
  std::vector<std::string> prompts;
  std::int64_t steps = 30;
  double scale = 7.5;
  std::int64_t seed = 0;  ///< of the first prompt's picture; the next has the next one

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("prompts", self.prompts);
    visit("steps", self.steps, in_range(1, 1000));
    visit("scale", self.scale, in_range(0, 100));
    visit("seed", self.seed, in_range(0, 4294900000.0));
  }
};

}  // namespace medisyn
