#include "medisyn/diffusion/euler.h"

#include <torch/types.h>

namespace medisyn {

std::int64_t euler_calls(const SchedulerConfig& config, std::int64_t steps) {
  return static_cast<std::int64_t>(spaced_timesteps(config, steps).size());
}

NoiseLevels euler_levels(const NoiseSchedule& schedule, std::int64_t steps) {
  const SchedulerConfig& config = schedule.config;
  const auto sigmas = training_sigmas(schedule);
  NoiseLevels levels = spaced_levels(schedule, steps);
  if (config.use_karras_sigmas) {
    levels.sigmas = karras_sigmas(config, levels.sigmas.front(), levels.sigmas.back(), steps);
    for (std::size_t i = 0; i < levels.sigmas.size(); ++i) {
      levels.timesteps[i] = timestep_at(sigmas, levels.sigmas[i]);
    }
  }
  levels.sigmas.push_back(final_sigma(config, sigmas));
  return levels;
}

torch::Tensor euler(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                    std::int64_t steps, const StepFn& keep_going) {
  const NoiseLevels levels = euler_levels(schedule, steps);
  const auto& sigma = levels.sigmas;
  torch::Tensor x = starting_deviation(schedule.config, levels) * x_T;
  for (std::size_t i = 0; i < levels.timesteps.size(); ++i) {
    const auto d = (x - denoised(model, schedule.config, x, levels, i)) / sigma[i];
    x = x + (sigma[i + 1] - sigma[i]) * d;
    if (keep_going && !keep_going()) {
      return {};
    }
  }
  return x;
}

}  // namespace medisyn
