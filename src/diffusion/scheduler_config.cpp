#include "medisyn/diffusion/scheduler_config.h"

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

constexpr const char* kFileName = "scheduler_config.json";

}  // namespace

void SchedulerConfig::check() const {
  if (beta_start > beta_end) {
    fail("scheduler: beta_start {} is above beta_end {}", beta_start, beta_end);
  }
  if (rescale_betas_zero_snr && prediction_type == "epsilon") {
    fail(
        "scheduler: rescale_betas_zero_snr: with zero terminal SNR the first step divides by zero for "
        "prediction_type "
        "epsilon; use v_prediction or sample");
  }
}

SchedulerConfig stable_diffusion_scheduler() {
  SchedulerConfig config;
  config.class_name = "PNDMScheduler";
  config.beta_start = 0.00085;
  config.beta_end = 0.012;
  config.beta_schedule = "scaled_linear";
  config.steps_offset = 1;
  config.skip_prk_steps = true;
  config.set_alpha_to_one = false;
  config.clip_sample = false;
  return config;
}

SchedulerConfig read_scheduler_config(const std::filesystem::path& folder) {
  const auto file = folder / kFileName;
  const auto config = read_config<SchedulerConfig>(file);
  try {
    config.check();
  } catch (const Error& error) {
    fail("{}: {}", file.string(), error.what());
  }
  return config;
}

void write_scheduler_config(const std::filesystem::path& folder, const SchedulerConfig& config) {
  SchedulerConfig resolved = config;
  resolved.set_alpha_to_one = config.sets_alpha_to_one();
  resolved.clip_sample = config.clips_sample();
  std::filesystem::create_directories(folder);
  write_file(folder / kFileName, config_to_json(resolved).dump(2) + "\n");
}

}  // namespace medisyn
