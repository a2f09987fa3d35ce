// Noise levels sigma, through which Euler's samplers and DPM-Solver++ step.
//
//   x_t / sqrt(alpha-bar_t) = x_0 + sigma_t noise,   sigma_t = sqrt((1 - alpha-bar_t) / alpha-bar_t)
//
// Source: Karras et al., 2022, https://arxiv.org/abs/2206.00364 (EDM); diffusers, schedulers/.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "medisyn/diffusion/schedule.h"

namespace medisyn {

/// The way of a sampler with N calls of the denoiser.
struct NoiseLevels {
  std::vector<double> timesteps;  ///< [N] what the denoiser is told, perhaps between two timesteps
  std::vector<double> sigmas;     ///< [N + 1] falling; the last one is where the sampler ends
};

/// sqrt(alpha-bar) and sqrt(1 - alpha-bar) of a noise level.
struct SignalAndNoise {
  double signal;
  double noise;
};
SignalAndNoise signal_and_noise(double sigma);

/// sigma_t of all timesteps, [T], rising.
std::vector<double> training_sigmas(const NoiseSchedule& schedule);

/// sigma at a timestep between two others: linear in t.
double sigma_at(const std::vector<double>& training_sigmas, double t);

/// The timestep of a sigma between two others: linear in log sigma.
double timestep_at(const std::vector<double>& training_sigmas, double sigma);

/// Equation 5 of EDM with rho = 7, from the config's sigma_max to its sigma_min; where it has none, from
/// `sigma_max` to `sigma_min`. [steps]
std::vector<double> karras_sigmas(const SchedulerConfig& config, double sigma_max, double sigma_min,
                                  std::int64_t steps);

/// Levels at the timesteps of `timestep_spacing`, which linspace does not round here; where the last step
/// ends is left to the sampler: [steps] sigmas.
NoiseLevels spaced_levels(const NoiseSchedule& schedule, std::int64_t steps);

/// Where the last step ends: 0, or the lowest level of training.
double final_sigma(const SchedulerConfig& config, const std::vector<double>& training_sigmas);

/// The deviation of the x that the first level starts from: with leading spacing that of data and noise, else
/// of the noise alone, as the reference has it.
double starting_deviation(const SchedulerConfig& config, const NoiseLevels& levels);

/// D(x; sigma) at level i, for x = x_0 + sigma noise; the model sees x scaled to variance 1. [B, C, h, w]
torch::Tensor denoised(const DenoiseFn& model, const SchedulerConfig& config, const torch::Tensor& x,
                       const NoiseLevels& levels, std::size_t i);

}  // namespace medisyn
