// The forward process q(x_t | x_0) in discrete time and what a denoiser is trained to predict.
//
// Symbols: alpha-bar_t = prod_{s <= t} (1 - beta_s) is `alphas_cumprod`; t runs from 0 to T - 1.
// Sources: Ho et al., 2020, https://arxiv.org/abs/2006.11239 (DDPM); Salimans & Ho, 2022,
// https://arxiv.org/abs/2202.00512 (v); Lin et al., 2024, https://arxiv.org/abs/2305.08891 (zero terminal
// SNR, spacing of timesteps); diffusers, schedulers/.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "medisyn/diffusion/scheduler_config.h"

namespace medisyn {

/// A denoiser with its conditions bound: x [B, C, h, w] at timestep t (the same for the batch) -> its
/// prediction, [B, C, h, w], of whatever SchedulerConfig::prediction_type says. Samplers that step over noise
/// levels ask between two timesteps.
using DenoiseFn = std::function<torch::Tensor(const torch::Tensor& x, double t)>;

/// Draws standard normal noise like x_T, [B, C, h, w], for samplers that add some.
using NoiseFn = std::function<torch::Tensor()>;

/// Asked after each call of the denoiser: false ends the sampler early, which then returns an undefined
/// tensor.
using StepFn = std::function<bool()>;

struct NoiseSchedule {
  /// Error when the config's values contradict each other.
  explicit NoiseSchedule(const SchedulerConfig& config);

  /// alpha-bar_t on the host, in double; that of "before the first timestep" for t < 0. Error for t >= T.
  double alpha_bar(std::int64_t t) const;

  SchedulerConfig config;
  torch::Tensor betas;           ///< [T] fp32, CPU
  torch::Tensor alphas_cumprod;  ///< [T] fp32, CPU; 2^-24 for 0 where the class needs finite noise levels
  double final_alpha_cumprod;    ///< alpha-bar before the first timestep: 1, or that of timestep 0

 private:
  std::vector<double> alpha_bars_;
};

/// x_t = sqrt(alpha-bar_t) x_0 + sqrt(1 - alpha-bar_t) noise (DDPM, equation 4), each item at its own
/// timestep. x0, noise [B, ...] of one dtype and device; timesteps [B] int64 -> [B, ...]
torch::Tensor add_noise(const NoiseSchedule& schedule, const torch::Tensor& x0, const torch::Tensor& noise,
                        const torch::Tensor& timesteps);

/// What the denoiser is to predict: the noise ("epsilon"), x_0 ("sample"), or v = sqrt(alpha-bar_t) noise -
/// sqrt(1 - alpha-bar_t) x_0 ("v_prediction"). Shapes as in add_noise().
torch::Tensor prediction_target(const NoiseSchedule& schedule, const std::string& prediction_type,
                                const torch::Tensor& x0, const torch::Tensor& noise,
                                const torch::Tensor& timesteps);

/// x_0 out of a prediction about x_t = signal x_0 + noise e: prediction_target() turned around. [B, ...]
torch::Tensor predicted_x0(const std::string& prediction_type, const torch::Tensor& prediction,
                           const torch::Tensor& x_t, double signal, double noise);

/// The `steps` timesteps of `timestep_spacing`, ascending (Lin et al., table 2; rounding as numpy's).
/// For 62 of the step counts up to 1000, diffusers' trailing spacing has one more timestep, -1, by a rounding
/// error of its arange(); that one is left out here. Error when steps is not between 1 and T, or an offset
/// leads beyond T - 1.
std::vector<std::int64_t> spaced_timesteps(const SchedulerConfig& config, std::int64_t steps);

/// Betas rescaled so that alpha-bar_{T-1} is 0 (Lin et al., algorithm 1). [T] -> [T]
torch::Tensor rescale_zero_terminal_snr(const torch::Tensor& betas);

}  // namespace medisyn
