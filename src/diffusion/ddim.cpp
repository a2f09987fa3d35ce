#include "medisyn/diffusion/ddim.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// The noise in x_t = signal x_0 + noise e.
torch::Tensor predicted_noise(const std::string& prediction_type, const torch::Tensor& prediction,
                              const torch::Tensor& x_t, double signal, double noise) {
  if (prediction_type == "epsilon") {
    return prediction;
  }
  return prediction_type == "sample" ? (x_t - signal * prediction) / noise
                                     : signal * prediction + noise * x_t;
}

}  // namespace

std::vector<std::int64_t> ddim_timesteps(const SchedulerConfig& config, std::int64_t steps) {
  auto timesteps = spaced_timesteps(config, steps);
  std::reverse(timesteps.begin(), timesteps.end());
  return timesteps;
}

torch::Tensor ddim(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                   std::int64_t steps, double eta, const NoiseFn& noise, const StepFn& keep_going) {
  TORCH_CHECK(eta == 0 || noise, "ddim with eta above 0 needs a source of noise");
  const SchedulerConfig& config = schedule.config;
  const std::int64_t stride = config.num_train_timesteps / steps;
  torch::Tensor x = x_T;
  for (const std::int64_t t : ddim_timesteps(config, steps)) {
    const double a = schedule.alpha_bar(t), a_prev = schedule.alpha_bar(t - stride);
    const double signal_scale = std::sqrt(a), noise_scale = std::sqrt(1 - a);
    const auto prediction = model(x, static_cast<double>(t));
    const auto epsilon = predicted_noise(config.prediction_type, prediction, x, signal_scale, noise_scale);
    auto x0 = predicted_x0(config.prediction_type, prediction, x, signal_scale, noise_scale);
    if (config.clips_sample()) {
      x0 = x0.clamp(-config.clip_sample_range, config.clip_sample_range);
    }
    const double sigma = eta * std::sqrt((1 - a_prev) / (1 - a) * (1 - a / a_prev));  // equation 16
    const double direction = std::sqrt(std::max(0.0, 1 - a_prev - sigma * sigma));
    x = std::sqrt(a_prev) * x0 + direction * epsilon;  // equation 12
    if (eta > 0) {
      x = x + sigma * noise();
    }
    if (keep_going && !keep_going()) {
      return {};
    }
  }
  return x;
}

}  // namespace medisyn
