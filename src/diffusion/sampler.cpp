#include "medisyn/diffusion/sampler.h"

#include <fmt/ranges.h>
#include <torch/types.h>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/diffusion/ddim.h"
#include "medisyn/diffusion/pndm.h"

namespace medisyn {
namespace {

struct Sampler {
  const char* name;
  const char* class_name;  ///< of diffusers
  std::vector<std::int64_t> (*timesteps)(const SchedulerConfig& config, std::int64_t steps);
  torch::Tensor (*run)(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                       const SamplerOptions& options, const NoiseFn& noise, const StepFn& keep_going);
};

torch::Tensor run_ddim(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                       const SamplerOptions& options, const NoiseFn& noise, const StepFn& keep_going) {
  return ddim(model, x_T, schedule, options.steps, options.eta, noise, keep_going);
}

torch::Tensor run_pndm(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                       const SamplerOptions& options, const NoiseFn&, const StepFn& keep_going) {
  return pndm(model, x_T, schedule, options.steps, keep_going);
}

constexpr Sampler kSamplers[]{
    {"ddim", "DDIMScheduler", ddim_timesteps, run_ddim},
    {"pndm", "PNDMScheduler", pndm_timesteps, run_pndm},
};

const Sampler& find_sampler(const std::string& name) {
  for (const Sampler& sampler : kSamplers) {
    if (name == sampler.name) {
      return sampler;
    }
  }
  const std::string near = nearest_word(name, sampler_names());
  fail("sampler {}: there is none of this name{} (known: {})", name,
       near.empty() ? "" : fmt::format("; did you mean {}?", near), fmt::join(sampler_names(), ", "));
}

}  // namespace

std::vector<std::string> sampler_names() {
  std::vector<std::string> names;
  for (const Sampler& sampler : kSamplers) {
    names.emplace_back(sampler.name);
  }
  return names;
}

std::string default_sampler(const SchedulerConfig& config) {
  for (const Sampler& sampler : kSamplers) {
    if (config.class_name == sampler.class_name) {
      return sampler.name;
    }
  }
  fail("the model's scheduler is a {}, for which there is no sampler; choose one with --sampler ({})",
       config.class_name, fmt::join(sampler_names(), ", "));
}

SchedulerConfig config_of_sampler(const SchedulerConfig& config, const std::string& sampler) {
  SchedulerConfig result = config;
  result.class_name = find_sampler(sampler).class_name;
  return result;
}

std::int64_t denoiser_calls(const SchedulerConfig& config, const SamplerOptions& options) {
  return static_cast<std::int64_t>(find_sampler(options.sampler).timesteps(config, options.steps).size());
}

torch::Tensor sample_latents(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                             const SamplerOptions& options, const NoiseFn& noise, const StepFn& keep_going) {
  return find_sampler(options.sampler).run(model, x_T, schedule, options, noise, keep_going);
}

}  // namespace medisyn
