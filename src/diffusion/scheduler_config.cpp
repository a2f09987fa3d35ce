#include "medisyn/diffusion/scheduler_config.h"

#include <map>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

constexpr const char* kFileName = "scheduler_config.json";

/// Keys that only some classes of diffusers have, and the classes (their names without "Scheduler").
const std::map<std::string, std::string> kClassesOfKey{
    {"rescale_betas_zero_snr", "DDIM DDPM EulerDiscrete EulerAncestralDiscrete DPMSolverMultistep"},
    {"skip_prk_steps", "PNDM"},
    {"set_alpha_to_one", "PNDM DDIM"},
    {"clip_sample", "DDIM DDPM"},
    {"clip_sample_range", "DDIM DDPM"},
    {"variance_type", "DDPM DPMSolverMultistep"},
    {"use_karras_sigmas", "EulerDiscrete DPMSolverMultistep"},
    {"sigma_min", "EulerDiscrete"},
    {"sigma_max", "EulerDiscrete"},
    {"final_sigmas_type", "EulerDiscrete DPMSolverMultistep"},
    {"solver_order", "DPMSolverMultistep"},
    {"algorithm_type", "DPMSolverMultistep"},
    {"solver_type", "DPMSolverMultistep"},
    {"lower_order_final", "DPMSolverMultistep"},
    {"euler_at_final", "DPMSolverMultistep"},
    {"thresholding", "DDIM DDPM DPMSolverMultistep"},
    {"interpolation_type", "EulerDiscrete"},
    {"timestep_type", "EulerDiscrete"},
    {"use_exponential_sigmas", "EulerDiscrete DPMSolverMultistep"},
    {"use_beta_sigmas", "EulerDiscrete DPMSolverMultistep"},
    {"use_lu_lambdas", "DPMSolverMultistep"},
    {"use_flow_sigmas", "DPMSolverMultistep"},
    {"lambda_min_clipped", ""},  // minus infinity, its default, is no JSON
};

bool has_key(const std::string& class_name, const std::string& key) {
  const auto found = kClassesOfKey.find(key);
  if (found == kClassesOfKey.end()) {
    return true;
  }
  const std::string stem = class_name.substr(0, class_name.rfind("Scheduler"));
  return fmt::format(" {} ", found->second).find(fmt::format(" {} ", stem)) != std::string::npos;
}

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
  if (rescale_betas_zero_snr && class_name == "PNDMScheduler") {
    fail("scheduler: rescale_betas_zero_snr: PNDM divides by zero at zero terminal SNR; use DDIMScheduler");
  }
  if (sigma_min && sigma_max && *sigma_min > *sigma_max) {
    fail("scheduler: sigma_min {} is above sigma_max {}", *sigma_min, *sigma_max);
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

Json scheduler_to_json(const SchedulerConfig& config) {
  const Json defaults = config_to_json(SchedulerConfig{}), all = config_to_json(config);
  Json json = Json::object();
  for (const auto& [key, value] : all.items()) {
    const bool is_set = !value.is_null() || key == "trained_betas";
    if (is_set && (has_key(config.class_name, key) || value != defaults[key])) {
      json[key] = value;
    }
  }
  return json;
}

void write_scheduler_config(const std::filesystem::path& folder, const SchedulerConfig& config) {
  std::filesystem::create_directories(folder);
  write_file(folder / kFileName, scheduler_to_json(config).dump(2) + "\n");
}

}  // namespace medisyn
