#include "medisyn/diffusion/ddpm.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// The reference's bound, which it once needed for a logarithm.
constexpr double kSmallestVariance = 1e-20;

}  // namespace

std::vector<std::int64_t> ddpm_timesteps(const SchedulerConfig& config, std::int64_t steps) {
  const std::string type = config.variance_type.value_or("fixed_small");
  if (type != "fixed_small" && type != "fixed_small_log" && type != "fixed_large") {
    fail("scheduler: variance_type {}: ddpm knows fixed_small, fixed_small_log and fixed_large", type);
  }
  auto timesteps = spaced_timesteps(config, steps);
  std::reverse(timesteps.begin(), timesteps.end());
  return timesteps;
}

torch::Tensor ddpm(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                   std::int64_t steps, const NoiseFn& noise, const StepFn& keep_going) {
  TORCH_CHECK(noise, "ddpm needs a source of noise");
  const SchedulerConfig& config = schedule.config;
  const auto timesteps = ddpm_timesteps(config, steps);
  torch::Tensor x = x_T;
  for (std::size_t i = 0; i < timesteps.size(); ++i) {
    const std::int64_t t = timesteps[i];
    const double a = schedule.alpha_bar(t);
    const double a_prev = i + 1 < timesteps.size() ? schedule.alpha_bar(timesteps[i + 1]) : 1.0;
    const double beta = 1 - a / a_prev;  // of a step over all timesteps in between
    auto x0 = predicted_x0(config.prediction_type, model(x, static_cast<double>(t)), x, std::sqrt(a),
                           std::sqrt(1 - a));
    if (config.clips_sample()) {
      x0 = x0.clamp(-config.clip_sample_range, config.clip_sample_range);
    }
    // Equation 7: mu-tilde and beta-tilde.
    x = std::sqrt(a_prev) * beta / (1 - a) * x0 + std::sqrt(a / a_prev) * (1 - a_prev) / (1 - a) * x;
    if (t > 0) {
      const double beta_tilde = std::max((1 - a_prev) / (1 - a) * beta, kSmallestVariance);
      x = x + std::sqrt(config.variance_type == "fixed_large" ? beta : beta_tilde) * noise();
    }
    if (keep_going && !keep_going()) {
      return {};
    }
  }
  return x;
}

}  // namespace medisyn
