// Euler's method over noise levels (Karras et al., 2022, https://arxiv.org/abs/2206.00364): algorithm 1 of
// EDM with sigma(t) = t and without the second-order correction.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "medisyn/diffusion/noise_levels.h"

namespace medisyn {

/// The calls of the denoiser, one a step. Error when the steps cannot be had.
std::int64_t euler_calls(const SchedulerConfig& config, std::int64_t steps);

/// Levels at the timesteps of `timestep_spacing`, or with use_karras_sigmas those of equation 5 from the
/// first to the last of them.
NoiseLevels euler_levels(const NoiseSchedule& schedule, std::int64_t steps);

/// x_T -> x_0 along dx / dsigma = (x - D(x; sigma)) / sigma (equations 1 and 3). x_T is plain noise of
/// variance 1. Prediction types epsilon, v_prediction and sample; nothing is clipped.
/// x_T [B, C, h, w] -> [B, C, h, w]
torch::Tensor euler(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                    std::int64_t steps, const StepFn& keep_going = {});

}  // namespace medisyn
