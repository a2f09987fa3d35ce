#include "medisyn/diffusion/schedule.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// Nichol & Dhariwal, 2021, https://arxiv.org/abs/2102.09672, equation 17: alpha-bar(u) for u in 0..1.
double cosine_alpha_bar(double u) {
  const double cosine = std::cos((u + 0.008) / 1.008 * std::numbers::pi / 2);
  return cosine * cosine;
}

torch::Tensor cosine_betas(std::int64_t T) {
  constexpr double kMaxBeta = 0.999;
  std::vector<float> betas;
  for (std::int64_t t = 0; t < T; ++t) {
    const double ratio = cosine_alpha_bar(static_cast<double>(t + 1) / static_cast<double>(T)) /
                         cosine_alpha_bar(static_cast<double>(t) / static_cast<double>(T));
    betas.push_back(static_cast<float>(std::min(1 - ratio, kMaxBeta)));
  }
  return torch::tensor(betas);
}

/// In fp32 as the reference computes them, so that both make the same alpha-bars to the last bit.
torch::Tensor betas_of(const SchedulerConfig& config) {
  const std::int64_t T = config.num_train_timesteps;
  torch::Tensor betas;
  if (config.beta_schedule == "linear") {
    betas = torch::linspace(config.beta_start, config.beta_end, T, torch::kFloat);
  } else if (config.beta_schedule == "scaled_linear") {
    betas =
        torch::linspace(std::sqrt(config.beta_start), std::sqrt(config.beta_end), T, torch::kFloat).square();
  } else {
    betas = cosine_betas(T);
  }
  return config.rescale_betas_zero_snr ? rescale_zero_terminal_snr(betas) : betas;
}

/// sqrt(alpha-bar_t) and sqrt(1 - alpha-bar_t), [B, 1, ...] in the dtype and on the device of `like`.
struct Coefficients {
  torch::Tensor signal;
  torch::Tensor noise;
};

Coefficients coefficients(const NoiseSchedule& schedule, const torch::Tensor& timesteps,
                          const torch::Tensor& like) {
  TORCH_CHECK(timesteps.dim() == 1 && timesteps.size(0) == like.size(0), "timesteps must be [B]");
  const auto alpha_bar = schedule.alphas_cumprod.index_select(0, timesteps.to(torch::kCPU, torch::kLong));
  std::vector<std::int64_t> shape(static_cast<std::size_t>(like.dim()), 1);
  shape[0] = like.size(0);
  return {alpha_bar.sqrt().view(shape).to(like.options()),
          (1 - alpha_bar).sqrt().view(shape).to(like.options())};
}

}  // namespace

NoiseSchedule::NoiseSchedule(const SchedulerConfig& scheduler) : config(scheduler) {
  config.check();
  betas = betas_of(config);
  alphas_cumprod = (1.0 - betas).cumprod(0);
  if (config.rescale_betas_zero_snr && config.steps_over_sigmas()) {
    alphas_cumprod[-1].fill_(std::exp2(-24));  // the reference's stand-in for 0: the first sigma is 4096
  }
  const auto alpha_bars = alphas_cumprod.to(torch::kDouble).contiguous();
  alpha_bars_.assign(alpha_bars.data_ptr<double>(), alpha_bars.data_ptr<double>() + alpha_bars.numel());
  final_alpha_cumprod = config.sets_alpha_to_one() ? 1.0 : alpha_bars_.front();
}

double NoiseSchedule::alpha_bar(std::int64_t t) const {
  TORCH_CHECK(t < static_cast<std::int64_t>(alpha_bars_.size()), "timestep ", t, " of ", alpha_bars_.size());
  return t < 0 ? final_alpha_cumprod : alpha_bars_[static_cast<std::size_t>(t)];
}

torch::Tensor add_noise(const NoiseSchedule& schedule, const torch::Tensor& x0, const torch::Tensor& noise,
                        const torch::Tensor& timesteps) {
  const auto [signal_scale, noise_scale] = coefficients(schedule, timesteps, x0);
  return signal_scale * x0 + noise_scale * noise;
}

torch::Tensor prediction_target(const NoiseSchedule& schedule, const std::string& prediction_type,
                                const torch::Tensor& x0, const torch::Tensor& noise,
                                const torch::Tensor& timesteps) {
  if (prediction_type == "epsilon") {
    return noise;
  }
  if (prediction_type == "sample") {
    return x0;
  }
  TORCH_CHECK(prediction_type == "v_prediction", "unknown prediction type ", prediction_type);
  const auto [signal_scale, noise_scale] = coefficients(schedule, timesteps, x0);
  return signal_scale * noise - noise_scale * x0;
}

torch::Tensor predicted_x0(const std::string& prediction_type, const torch::Tensor& prediction,
                           const torch::Tensor& x_t, double signal, double noise) {
  if (prediction_type == "epsilon") {
    return (x_t - noise * prediction) / signal;
  }
  return prediction_type == "sample" ? prediction : signal * x_t - noise * prediction;
}

std::vector<std::int64_t> spaced_timesteps(const SchedulerConfig& config, std::int64_t steps) {
  const std::int64_t T = config.num_train_timesteps;
  if (steps < 1 || steps > T) {
    fail("{} steps: expected 1 to {}, the timesteps that the model was trained with", steps, T);
  }
  const std::string spacing = config.spacing();
  std::vector<std::int64_t> timesteps;
  const double last = static_cast<double>(T - 1), ratio = static_cast<double>(T) / static_cast<double>(steps);
  for (std::int64_t i = 0; i < steps; ++i) {
    if (spacing == "leading") {
      timesteps.push_back(i * (T / steps) + config.steps_offset);
    } else if (spacing == "linspace") {
      const double width = steps > 1 ? last / static_cast<double>(steps - 1) : 0;
      timesteps.push_back(i + 1 == steps && steps > 1 ? T - 1 : std::llrint(static_cast<double>(i) * width));
    } else {
      const double from_end = static_cast<double>(steps - 1 - i);
      timesteps.push_back(std::llrint(static_cast<double>(T) - from_end * ratio) - 1);
    }
  }
  if (timesteps.back() >= T) {
    fail(
        "{} steps: with steps_offset {} the first timestep would be {}, and the model knows 0 to {}; take "
        "fewer steps",
        steps, config.steps_offset, timesteps.back(), T - 1);
  }
  return timesteps;
}

torch::Tensor rescale_zero_terminal_snr(const torch::Tensor& betas) {
  const auto alphas_bar_sqrt = (1.0 - betas).cumprod(0).sqrt();
  const auto first = alphas_bar_sqrt[0].clone(), last = alphas_bar_sqrt[-1].clone();
  const auto alphas_bar = ((alphas_bar_sqrt - last) * (first / (first - last))).square();
  const auto alphas =
      torch::cat({alphas_bar.slice(0, 0, 1), alphas_bar.slice(0, 1) / alphas_bar.slice(0, 0, -1)});
  return 1.0 - alphas;
}

}  // namespace medisyn
