#include "medisyn/diffusion/noise_levels.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>

namespace medisyn {
namespace {

constexpr double kRho = 7;

/// The place i with values[i] <= value < values[i + 1], at the ends the outermost pair.
std::size_t interval_of(const std::vector<double>& values, double value) {
  const auto above = std::upper_bound(values.begin(), values.end(), value) - values.begin();
  return static_cast<std::size_t>(std::clamp<std::ptrdiff_t>(above - 1, 0, std::ssize(values) - 2));
}

}  // namespace

SignalAndNoise signal_and_noise(double sigma) {
  const double signal = 1 / std::sqrt(sigma * sigma + 1);
  return {.signal = signal, .noise = sigma * signal};
}

std::vector<double> training_sigmas(const NoiseSchedule& schedule) {
  const auto& a = schedule.alphas_cumprod;
  const auto sigmas = ((1 - a) / a).sqrt().to(torch::kDouble).contiguous();
  return {sigmas.data_ptr<double>(), sigmas.data_ptr<double>() + sigmas.numel()};
}

double sigma_at(const std::vector<double>& training_sigmas, double t) {
  const double last = static_cast<double>(training_sigmas.size() - 1);
  const double inside = std::clamp(t, 0.0, last), low = std::floor(inside), weight = inside - low;
  const auto i = static_cast<std::size_t>(low);
  return weight == 0 ? training_sigmas[i] : std::lerp(training_sigmas[i], training_sigmas[i + 1], weight);
}

double timestep_at(const std::vector<double>& training_sigmas, double sigma) {
  if (training_sigmas.size() == 1) {
    return 0;
  }
  const std::size_t i = interval_of(training_sigmas, sigma);
  const double low = std::log(training_sigmas[i]), high = std::log(training_sigmas[i + 1]);
  return static_cast<double>(i) + std::clamp((std::log(sigma) - low) / (high - low), 0.0, 1.0);
}

std::vector<double> karras_sigmas(const SchedulerConfig& config, double sigma_max, double sigma_min,
                                  std::int64_t steps) {
  const double first = std::pow(config.sigma_max.value_or(sigma_max), 1 / kRho);
  const double last = std::pow(config.sigma_min.value_or(sigma_min), 1 / kRho);
  std::vector<double> sigmas;
  for (std::int64_t i = 0; i < steps; ++i) {
    const double ramp = steps > 1 ? static_cast<double>(i) / static_cast<double>(steps - 1) : 0;
    sigmas.push_back(std::pow(first + ramp * (last - first), kRho));
  }
  return sigmas;
}

NoiseLevels spaced_levels(const NoiseSchedule& schedule, std::int64_t steps) {
  const SchedulerConfig& config = schedule.config;
  const auto spaced = spaced_timesteps(config, steps);
  const auto sigmas = training_sigmas(schedule);
  NoiseLevels levels;
  for (std::int64_t i = steps - 1; i >= 0; --i) {
    double t = static_cast<double>(spaced[static_cast<std::size_t>(i)]);
    if (config.spacing() == "linspace" && steps > 1) {
      t = static_cast<double>(i) * static_cast<double>(config.num_train_timesteps - 1) /
          static_cast<double>(steps - 1);
    }
    levels.timesteps.push_back(t);
    levels.sigmas.push_back(sigma_at(sigmas, t));
  }
  return levels;
}

double final_sigma(const SchedulerConfig& config, const std::vector<double>& training_sigmas) {
  return config.final_sigmas_type == "zero" ? 0 : training_sigmas.front();
}

double starting_deviation(const SchedulerConfig& config, const NoiseLevels& levels) {
  const double sigma = levels.sigmas.front();
  return config.spacing() == "leading" ? std::sqrt(sigma * sigma + 1) : sigma;
}

torch::Tensor denoised(const DenoiseFn& model, const SchedulerConfig& config, const torch::Tensor& x,
                       const NoiseLevels& levels, std::size_t i) {
  const auto [signal, noise] = signal_and_noise(levels.sigmas[i]);
  const auto x_t = x * signal;
  return predicted_x0(config.prediction_type, model(x_t, levels.timesteps[i]), x_t, signal, noise);
}

}  // namespace medisyn
