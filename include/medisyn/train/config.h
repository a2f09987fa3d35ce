// The YAML of `medisyn train`. The reason of each default stands beside the field; "not in the paper" marks
// what the paper leaves open and we chose.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "medisyn/core/config.h"
#include "medisyn/models/autoencoder_kl_config.h"
#include "medisyn/models/lora_config.h"
#include "medisyn/train/data_config.h"
#include "medisyn/train/optimizer_config.h"
#include "medisyn/train/parts_config.h"

namespace medisyn {

struct TrainConfig {
  std::string objective;
  std::optional<std::filesystem::path> out;
  std::int64_t seed = 0;
  DataConfig data;
  CacheConfig cache;
  AutoencoderKLConfig vae;  ///< of objective vae
  VaeLossConfig vae_loss;
  PartsConfig parts;  ///< of objective unet
  bool train_text_encoder =
      false;                     ///< the paper's MediSyn trains the U-Net alone; of SDXL the first of the two
  LoraConfig lora{.rank = 0};    ///< instead of the U-Net's own weights; rank 0: off
  double caption_dropout = 0.1;  ///< the paper's 10 % of empty prompts
  std::string empty_prompt = "encoded";        ///< what stands for "": its embedding, or of SDXL "zeros"
  std::optional<std::string> prediction_type;  ///< none: what the scheduler of the base says
  bool zero_terminal_snr = false;              ///< Lin et al., 2024, https://arxiv.org/abs/2305.08891
  double offset_noise = 0;                     ///< deviation of a shift of each channel's noise; 0: none
  double min_snr_gamma = 0;  ///< 0: off. Hang et al., 2023, https://arxiv.org/abs/2303.09556
  OptimizerConfig optimizer;
  std::int64_t batch_size = 128;  ///< the paper's effective batch, over all ranks
  /// Images that a rank computes at a time; the gradients of a batch are the same, in less memory. None: all.
  std::optional<std::int64_t> micro_batch_size;
  bool gradient_checkpointing = false;  ///< the U-Net's blocks are computed twice, in less memory
  std::optional<bool>
      channels_last;         ///< images and weights of convolutions; none: on GPUs, where it is faster
  std::int64_t epochs = 15;  ///< the paper's
  std::optional<std::int64_t> max_steps;  ///< instead of epochs
  std::string precision = "fp32";
  std::int64_t max_bad_steps =
      0;  ///< so many steps whose loss is not finite are left out, the next one stops
  std::int64_t log_every_steps = 10;
  std::optional<std::int64_t> validate_every_steps;  ///< none: at each epoch's end
  std::optional<std::int64_t> save_every_steps;      ///< none: at each epoch's end
  std::optional<double> save_every_minutes;          ///< besides
  std::int64_t keep_checkpoints = 2;
  PreviewConfig preview;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    Rule objectives = one_of({"vae", "unet"});
    objectives.is_required = true;
    visit("objective", self.objective, objectives);
    visit("out", self.out);
    visit("seed", self.seed, in_range(0, 4294967295.0));
    visit("data", self.data);
    visit("cache", self.cache);
    visit("vae", self.vae);
    visit("vae_loss", self.vae_loss);
    visit("parts", self.parts);
    visit("train_text_encoder", self.train_text_encoder);
    visit("lora", self.lora);
    visit("caption_dropout", self.caption_dropout, in_range(0, 1));
    visit("empty_prompt", self.empty_prompt, one_of({"encoded", "zeros"}));
    visit("prediction_type", self.prediction_type, one_of({"epsilon", "v_prediction", "sample"}));
    visit("zero_terminal_snr", self.zero_terminal_snr);
    visit("offset_noise", self.offset_noise, in_range(0, 10));
    visit("min_snr_gamma", self.min_snr_gamma, in_range(0, 1000));
    visit("optimizer", self.optimizer);
    visit("batch_size", self.batch_size, in_range(1, 65536));
    visit("micro_batch_size", self.micro_batch_size, in_range(1, 65536));
    visit("gradient_checkpointing", self.gradient_checkpointing);
    visit("channels_last", self.channels_last);
    visit("epochs", self.epochs, at_least(1));
    visit("max_steps", self.max_steps, at_least(1));
    visit("precision", self.precision, one_of({"fp32", "bf16"}));
    visit("max_bad_steps", self.max_bad_steps, at_least(0));
    visit("log_every_steps", self.log_every_steps, at_least(1));
    visit("validate_every_steps", self.validate_every_steps, at_least(1));
    visit("save_every_steps", self.save_every_steps, at_least(1));
    visit("save_every_minutes", self.save_every_minutes, in_range(0.01, 1e6));
    visit("keep_checkpoints", self.keep_checkpoints, at_least(1));
    visit("preview", self.preview);
  }
};

}  // namespace medisyn
