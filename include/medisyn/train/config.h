// The YAML of `medisyn train`. The reason of each default stands beside the field; "not in the paper" marks
// what the paper leaves open and we chose.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "medisyn/core/config.h"
#include "medisyn/diffusion/scheduler_config.h"
#include "medisyn/models/autoencoder_kl_config.h"
#include "medisyn/models/clip_text_config.h"
#include "medisyn/models/unet_2d_condition_config.h"

namespace medisyn {

struct DataConfig {
  std::filesystem::path manifest;
  std::string where = "split=train";
  std::string validation_where = "split=test";
  /// Share of the draws that each image type gets, relative to the others; empty: as often as it is there.
  std::map<std::string, double> balance;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("manifest", self.manifest, required());
    visit("where", self.where);
    visit("validation_where", self.validation_where);
    visit("balance", self.balance, at_least(0));
  }
};

struct OptimizerConfig {
  double learning_rate = 5e-5;  ///< the paper's for SD
  std::string schedule = "constant";
  std::int64_t warmup_steps = 0;
  double final_fraction = 0;  ///< cosine and linear end at this share of learning_rate
  double beta1 = 0.9;         ///< AdamW's own defaults; not in the paper
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
  double max_grad_norm = 1.0;  ///< not in the paper
  double ema_decay = 0;        ///< 0: no EMA; not in the paper

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("learning_rate", self.learning_rate, in_range(0, 10));
    visit("schedule", self.schedule, one_of({"constant", "cosine", "linear"}));
    visit("warmup_steps", self.warmup_steps, at_least(0));
    visit("final_fraction", self.final_fraction, in_range(0, 1));
    visit("beta1", self.beta1, in_range(0, 0.99999));
    visit("beta2", self.beta2, in_range(0, 0.999999));
    visit("eps", self.eps, in_range(1e-20, 1));
    visit("weight_decay", self.weight_decay, in_range(0, 10));
    visit("max_grad_norm", self.max_grad_norm, in_range(1e-6, 1e6));
    visit("ema_decay", self.ema_decay, in_range(0, 0.999999));
  }
};

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
  std::optional<std::filesystem::path> base;       ///< HF folder or training run; the rest then stays out
  std::optional<std::filesystem::path> vae;        ///< HF folder of a VAE, or a run that trained one
  std::optional<std::filesystem::path> tokenizer;  ///< its folder, or CLIP's file of merges
  UNet2DConditionConfig unet;
  CLIPTextConfig text_encoder;
  SchedulerConfig scheduler = stable_diffusion_scheduler();

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("base", self.base);
    visit("vae", self.vae);
    visit("tokenizer", self.tokenizer);
    visit("unet", self.unet);
    visit("text_encoder", self.text_encoder);
    visit("scheduler", self.scheduler);
  }
};

struct TrainConfig {
  std::string objective;
  std::optional<std::filesystem::path> out;
  std::int64_t seed = 0;
  DataConfig data;
  AutoencoderKLConfig vae;  ///< of objective vae
  VaeLossConfig vae_loss;
  PartsConfig parts;                ///< of objective unet
  bool train_text_encoder = false;  ///< the paper's MediSyn trains the U-Net alone
  double caption_dropout = 0.1;     ///< the paper's 10 % of empty prompts
  double min_snr_gamma = 0;         ///< 0: off. Hang et al., 2023, https://arxiv.org/abs/2303.09556
  OptimizerConfig optimizer;
  std::int64_t batch_size = 128;  ///< the paper's effective batch
  /// Images that are computed at a time; the gradients of a batch are the same, in less memory. None: all.
  std::optional<std::int64_t> micro_batch_size;
  bool gradient_checkpointing = false;  ///< the U-Net's blocks are computed twice, in less memory
  std::int64_t max_steps = 1000;
  std::string precision = "fp32";
  std::int64_t log_every_steps = 10;
  std::int64_t validate_every_steps = 500;
  std::int64_t save_every_steps = 500;
  std::int64_t keep_checkpoints = 2;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    Rule objectives = one_of({"vae", "unet"});
    objectives.is_required = true;
    visit("objective", self.objective, objectives);
    visit("out", self.out);
    visit("seed", self.seed, in_range(0, 4294967295.0));
    visit("data", self.data);
    visit("vae", self.vae);
    visit("vae_loss", self.vae_loss);
    visit("parts", self.parts);
    visit("train_text_encoder", self.train_text_encoder);
    visit("caption_dropout", self.caption_dropout, in_range(0, 1));
    visit("min_snr_gamma", self.min_snr_gamma, in_range(0, 1000));
    visit("optimizer", self.optimizer);
    visit("batch_size", self.batch_size, in_range(1, 65536));
    visit("micro_batch_size", self.micro_batch_size, in_range(1, 65536));
    visit("gradient_checkpointing", self.gradient_checkpointing);
    visit("max_steps", self.max_steps, at_least(1));
    visit("precision", self.precision, one_of({"fp32", "bf16"}));
    visit("log_every_steps", self.log_every_steps, at_least(1));
    visit("validate_every_steps", self.validate_every_steps, at_least(1));
    visit("save_every_steps", self.save_every_steps, at_least(1));
    visit("keep_checkpoints", self.keep_checkpoints, at_least(1));
  }
};

}  // namespace medisyn
