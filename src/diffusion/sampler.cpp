#include "medisyn/diffusion/sampler.h"

#include <fmt/ranges.h>
#include <torch/types.h>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/diffusion/ddim.h"
#include "medisyn/diffusion/ddpm.h"
#include "medisyn/diffusion/dpmpp_2m.h"
#include "medisyn/diffusion/euler.h"
#include "medisyn/diffusion/euler_a.h"
#include "medisyn/diffusion/pndm.h"

namespace medisyn {
namespace {

struct Sampler {
  const char* name;
  const char* class_name;  ///< of diffusers
  std::int64_t (*calls)(const SchedulerConfig& config, std::int64_t steps);
  torch::Tensor (*run)(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                       const SamplerOptions& options, const NoiseFn& noise, const StepFn& keep_going);
};

template <auto timesteps>
std::int64_t calls(const SchedulerConfig& config, std::int64_t steps) {
  return static_cast<std::int64_t>(timesteps(config, steps).size());
}

torch::Tensor run_ddim(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                       const SamplerOptions& options, const NoiseFn& noise, const StepFn& keep_going) {
  return ddim(model, x_T, schedule, options.steps, options.eta, noise, keep_going);
}

template <auto sampler>
torch::Tensor run(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                  const SamplerOptions& options, const NoiseFn&, const StepFn& keep_going) {
  return sampler(model, x_T, schedule, options.steps, keep_going);
}

template <auto sampler>
torch::Tensor run_noisy(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                        const SamplerOptions& options, const NoiseFn& noise, const StepFn& keep_going) {
  return sampler(model, x_T, schedule, options.steps, noise, keep_going);
}

constexpr Sampler kSamplers[]{
    {"pndm", "PNDMScheduler", calls<pndm_timesteps>, run<pndm>},
    {"ddpm", "DDPMScheduler", calls<ddpm_timesteps>, run_noisy<ddpm>},
    {"ddim", "DDIMScheduler", calls<ddim_timesteps>, run_ddim},
    {"euler", "EulerDiscreteScheduler", euler_calls, run<euler>},
    {"euler_a", "EulerAncestralDiscreteScheduler", euler_a_calls, run_noisy<euler_a>},
    {"dpmpp_2m", "DPMSolverMultistepScheduler", dpmpp_2m_calls, run<dpmpp_2m>},
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
  result.rescale_betas_zero_snr = config.rescale_betas_zero_snr && sampler != "pndm";  // it has no such key
  return result;
}

std::int64_t denoiser_calls(const SchedulerConfig& config, const SamplerOptions& options) {
  return find_sampler(options.sampler).calls(config, options.steps);
}

torch::Tensor sample_latents(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                             const SamplerOptions& options, const NoiseFn& noise, const StepFn& keep_going) {
  return find_sampler(options.sampler).run(model, x_T, schedule, options, noise, keep_going);
}

}  // namespace medisyn
