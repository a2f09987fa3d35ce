// scheduler/scheduler_config.json of diffusers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "medisyn/core/config.h"

namespace medisyn {

/// Keys and defaults are those of diffusers' PNDMScheduler, DDIMScheduler and DDPMScheduler. A key whose
/// default differs between them is optional: left out, it takes the default of `class_name`.
struct SchedulerConfig {
  std::string class_name = "DDIMScheduler";
  std::int64_t num_train_timesteps = 1000;
  double beta_start = 0.0001;
  double beta_end = 0.02;
  std::string beta_schedule = "linear";
  std::string prediction_type = "epsilon";
  std::string timestep_spacing = "leading";
  std::int64_t steps_offset = 0;
  bool skip_prk_steps = false;  ///< PNDM: start with linear multistep at once
  std::optional<bool>
      set_alpha_to_one;             ///< alpha-bar before the first timestep is 1, else that of timestep 0
  std::optional<bool> clip_sample;  ///< DDIM, DDPM: the predicted x_0 is clamped; PNDM never clips
  double clip_sample_range = 1.0;
  bool rescale_betas_zero_snr = false;

  bool sets_alpha_to_one() const { return set_alpha_to_one.value_or(class_name != "PNDMScheduler"); }
  bool clips_sample() const { return clip_sample.value_or(class_name != "PNDMScheduler"); }

  /// Error naming the key for values that contradict each other.
  void check() const;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("_class_name", self.class_name, one_of({"PNDMScheduler", "DDIMScheduler", "DDPMScheduler"}));
    visit("num_train_timesteps", self.num_train_timesteps, in_range(1, 1e6));
    visit("beta_start", self.beta_start, in_range(0, 1));
    visit("beta_end", self.beta_end, in_range(0, 1));
    visit("beta_schedule", self.beta_schedule, one_of({"linear", "scaled_linear", "squaredcos_cap_v2"}));
    visit("prediction_type", self.prediction_type, one_of({"epsilon", "v_prediction", "sample"}));
    visit("timestep_spacing", self.timestep_spacing, one_of({"leading", "trailing", "linspace"}));
    visit("steps_offset", self.steps_offset, at_least(0));
    visit("skip_prk_steps", self.skip_prk_steps);
    visit("set_alpha_to_one", self.set_alpha_to_one);
    visit("clip_sample", self.clip_sample);
    visit("clip_sample_range", self.clip_sample_range, at_least(0));
    visit("rescale_betas_zero_snr", self.rescale_betas_zero_snr);
    visit.fixed_null("trained_betas");
    visit.fixed("thresholding", false);
    // Meant for thresholding alone, for DDPM's own steps, or notes of how the file was made.
    for (const char* key :
         {"dynamic_thresholding_ratio", "sample_max_value", "variance_type", "_diffusers_version"}) {
      visit.ignored(key);
    }
  }
};

/// What SD 1.4 ships: PNDM without Runge-Kutta steps, scaled_linear betas from 0.00085 to 0.012,
/// steps_offset 1.
SchedulerConfig stable_diffusion_scheduler();

/// Reads folder/scheduler_config.json. Error FILE:LINE for what cannot be honoured.
SchedulerConfig read_scheduler_config(const std::filesystem::path& folder);

/// Writes folder/scheduler_config.json, optional keys resolved.
void write_scheduler_config(const std::filesystem::path& folder, const SchedulerConfig& config);

}  // namespace medisyn
