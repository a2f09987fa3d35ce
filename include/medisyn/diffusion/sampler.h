// The samplers by the names that `medisyn generate --sampler` takes.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "medisyn/diffusion/schedule.h"

namespace medisyn {

/// How x_T becomes x_0.
struct SamplerOptions {
  std::string sampler;  ///< one of sampler_names()
  std::int64_t steps = 50;
  double eta = 0;  ///< ddim alone: 0 is deterministic, 1 as noisy as DDPM
};

/// "pndm", "ddpm", "ddim", "euler", "euler_a", "dpmpp_2m".
std::vector<std::string> sampler_names();

/// The sampler that a model's scheduler file asks for. Error for a class without a sampler here.
std::string default_sampler(const SchedulerConfig& config);

/// The model's config read as the sampler's own class: keys that its file leaves out take that class's
/// defaults, as diffusers' from_config() does. Error for an unknown sampler, with the nearest name.
SchedulerConfig config_of_sampler(const SchedulerConfig& config, const std::string& sampler);

/// The number of denoiser calls for one batch. Error when the steps cannot be had.
std::int64_t denoiser_calls(const SchedulerConfig& config, const SamplerOptions& options);

/// x_T, plain noise of variance 1, -> x_0 by the named sampler; arguments as in ddim() and pndm(). `schedule`
/// must come from config_of_sampler().
torch::Tensor sample_latents(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                             const SamplerOptions& options, const NoiseFn& noise = {},
                             const StepFn& keep_going = {});

}  // namespace medisyn
