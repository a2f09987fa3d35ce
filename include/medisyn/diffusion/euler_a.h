// Ancestral sampling over noise levels with a step of Euler's method to a level below, and noise back up
// (k-diffusion's sample_euler_ancestral; the noise is that of DDPM's beta-tilde, seen over sigma).
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "medisyn/diffusion/noise_levels.h"

namespace medisyn {

/// The calls of the denoiser, one a step. Error when the steps cannot be had, and for prediction_type sample,
/// which the reference does not know here.
std::int64_t euler_a_calls(const SchedulerConfig& config, std::int64_t steps);

/// x_T -> x_0; from sigma_i down to sigma_down, then noise of sigma_up, so that sigma_down^2 + sigma_up^2 =
/// sigma_{i+1}^2. x_T is plain noise of variance 1; `noise` is asked once a step, the last one included.
/// Prediction types epsilon and v_prediction; nothing is clipped. x_T [B, C, h, w] -> [B, C, h, w]
torch::Tensor euler_a(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                      std::int64_t steps, const NoiseFn& noise, const StepFn& keep_going = {});

}  // namespace medisyn
