// scheduler/scheduler_config.json of diffusers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "medisyn/core/config.h"

namespace medisyn {

/// Keys and defaults are those of diffusers' schedulers. A key whose default differs between the classes is
/// optional: left out, it takes the default of `class_name`. A sampler refuses the values of its class's keys
/// that it cannot honour.
struct SchedulerConfig {
  std::string class_name = "DDIMScheduler";
  std::int64_t num_train_timesteps = 1000;
  double beta_start = 0.0001;
  double beta_end = 0.02;
  std::string beta_schedule = "linear";
  std::string prediction_type = "epsilon";
  std::optional<std::string> timestep_spacing;
  std::int64_t steps_offset = 0;
  bool rescale_betas_zero_snr = false;
  bool skip_prk_steps = false;  ///< PNDM: start with linear multistep at once
  std::optional<bool>
      set_alpha_to_one;             ///< alpha-bar before the first timestep is 1, else that of timestep 0
  std::optional<bool> clip_sample;  ///< DDIM, DDPM: the predicted x_0 is clamped; the others never clip
  double clip_sample_range = 1.0;
  std::optional<std::string> variance_type;  ///< DDPM: of the noise of a step; DPM-Solver: what is predicted
  bool use_karras_sigmas = false;            ///< Euler, DPM-Solver: noise levels of equation 5 of EDM
  std::optional<double> sigma_min;           ///< between these two; left out: those of the schedule
  std::optional<double> sigma_max;
  std::string final_sigmas_type = "zero";  ///< Euler, DPM-Solver: where the last step ends
  std::int64_t solver_order = 2;           ///< this and the rest: DPM-Solver
  std::string algorithm_type = "dpmsolver++";
  std::string solver_type = "midpoint";
  bool lower_order_final = true;  ///< of fewer than 15 steps the last is of first order
  bool euler_at_final = false;    ///< the last step is of first order

  /// Euler's classes and DPM-Solver: they step over noise levels, which must be finite.
  bool steps_over_sigmas() const {
    return class_name == "EulerDiscreteScheduler" || class_name == "EulerAncestralDiscreteScheduler" ||
           class_name == "DPMSolverMultistepScheduler";
  }
  std::string spacing() const {
    return timestep_spacing.value_or(steps_over_sigmas() ? "linspace" : "leading");
  }
  bool sets_alpha_to_one() const { return set_alpha_to_one.value_or(class_name != "PNDMScheduler"); }
  bool clips_sample() const { return clip_sample.value_or(class_name != "PNDMScheduler"); }

  /// Error naming the key for values that contradict each other.
  void check() const;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("_class_name", self.class_name,
          one_of({"PNDMScheduler", "DDIMScheduler", "DDPMScheduler", "EulerDiscreteScheduler",
                  "EulerAncestralDiscreteScheduler", "DPMSolverMultistepScheduler"}));
    visit("num_train_timesteps", self.num_train_timesteps, in_range(1, 1e6));
    visit("beta_start", self.beta_start, in_range(0, 1));
    visit("beta_end", self.beta_end, in_range(0, 1));
    visit("beta_schedule", self.beta_schedule, one_of({"linear", "scaled_linear", "squaredcos_cap_v2"}));
    visit("prediction_type", self.prediction_type, one_of({"epsilon", "v_prediction", "sample"}));
    visit("timestep_spacing", self.timestep_spacing, one_of({"leading", "trailing", "linspace"}));
    visit("steps_offset", self.steps_offset, at_least(0));
    visit("rescale_betas_zero_snr", self.rescale_betas_zero_snr);
    visit("skip_prk_steps", self.skip_prk_steps);
    visit("set_alpha_to_one", self.set_alpha_to_one);
    visit("clip_sample", self.clip_sample);
    visit("clip_sample_range", self.clip_sample_range, at_least(0));
    visit("variance_type", self.variance_type,
          one_of({"fixed_small", "fixed_small_log", "fixed_large", "fixed_large_log", "learned",
                  "learned_range"}));
    visit("use_karras_sigmas", self.use_karras_sigmas);
    visit("sigma_min", self.sigma_min, at_least(0));
    visit("sigma_max", self.sigma_max, at_least(0));
    visit("final_sigmas_type", self.final_sigmas_type, one_of({"zero", "sigma_min"}));
    visit("solver_order", self.solver_order, in_range(1, 3));
    visit("algorithm_type", self.algorithm_type,
          one_of({"dpmsolver++", "sde-dpmsolver++", "dpmsolver", "sde-dpmsolver"}));
    visit("solver_type", self.solver_type, one_of({"midpoint", "heun"}));
    visit("lower_order_final", self.lower_order_final);
    visit("euler_at_final", self.euler_at_final);
    visit.fixed_null("trained_betas");
    visit.fixed("thresholding", false);
    visit.fixed("interpolation_type", std::string("linear"));
    visit.fixed("timestep_type", std::string("discrete"));
    visit.fixed("lambda_min_clipped", std::string("-Infinity"));  // as Python's json writes it
    for (const char* key :
         {"use_exponential_sigmas", "use_beta_sigmas", "use_lu_lambdas", "use_flow_sigmas"}) {
      visit.fixed(key, false);
    }
    // Meant for thresholding or flow matching alone, or notes of how the file was made.
    for (const char* key : {"dynamic_thresholding_ratio", "sample_max_value", "flow_shift",
                            "use_dynamic_shifting", "time_shift_type", "_diffusers_version"}) {
      visit.ignored(key);
    }
  }
};

/// What SD 1.4 ships: PNDM without Runge-Kutta steps, scaled_linear betas from 0.00085 to 0.012,
/// steps_offset 1.
SchedulerConfig stable_diffusion_scheduler();

/// Reads folder/scheduler_config.json. Error FILE:LINE for what cannot be honoured.
SchedulerConfig read_scheduler_config(const std::filesystem::path& folder);

/// The config as diffusers reads it back to the same behaviour: the keys of its class, and those of other
/// classes that were set. An optional key that is not set stays out, so that a sampler of another class takes
/// its own default.
Json scheduler_to_json(const SchedulerConfig& config);

/// Writes folder/scheduler_config.json, as scheduler_to_json() gives it.
void write_scheduler_config(const std::filesystem::path& folder, const SchedulerConfig& config);

}  // namespace medisyn
