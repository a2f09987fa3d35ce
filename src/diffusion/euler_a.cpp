#include "medisyn/diffusion/euler_a.h"

#include <torch/types.h>

#include <cmath>

#include "medisyn/core/error.h"

namespace medisyn {

std::int64_t euler_a_calls(const SchedulerConfig& config, std::int64_t steps) {
  if (config.prediction_type == "sample") {
    fail("scheduler: prediction_type sample: euler_a knows epsilon and v_prediction; take euler or ddpm");
  }
  return static_cast<std::int64_t>(spaced_timesteps(config, steps).size());
}

torch::Tensor euler_a(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                      std::int64_t steps, const NoiseFn& noise, const StepFn& keep_going) {
  TORCH_CHECK(noise, "euler_a needs a source of noise");
  euler_a_calls(schedule.config, steps);  // for its errors
  NoiseLevels levels = spaced_levels(schedule, steps);
  levels.sigmas.push_back(0);
  torch::Tensor x = starting_deviation(schedule.config, levels) * x_T;
  for (std::size_t i = 0; i < levels.timesteps.size(); ++i) {
    const double sigma = levels.sigmas[i], next = levels.sigmas[i + 1];
    const double down = next * next / sigma;
    const double up = std::sqrt(next * next - down * down);
    const auto d = (x - denoised(model, schedule.config, x, levels, i)) / sigma;
    x = x + (down - sigma) * d + up * noise();
    if (keep_going && !keep_going()) {
      return {};
    }
  }
  return x;
}

}  // namespace medisyn
