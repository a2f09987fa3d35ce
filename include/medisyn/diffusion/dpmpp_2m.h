// DPM-Solver++ (Lu et al., 2022, https://arxiv.org/abs/2211.01095): the multistep solver of second order, 2M.
#pragma once

#include <torch/types.h>

#include <cstdint>

#include "medisyn/diffusion/noise_levels.h"

namespace medisyn {

/// The calls of the denoiser, one a step. Error when the steps cannot be had, and for values of the config
/// that dpmpp_2m() cannot honour.
std::int64_t dpmpp_2m_calls(const SchedulerConfig& config, std::int64_t steps);

/// Levels at the timesteps of `timestep_spacing`, of which the reference takes one more for leading and
/// linspace and leaves the lowest out; or with use_karras_sigmas equation 5 of EDM over all of training.
/// Timesteps are whole.
NoiseLevels dpmpp_2m_levels(const NoiseSchedule& schedule, std::int64_t steps);

/// x_T -> x_0 by algorithm 2, for solver_order 2 (solver_type midpoint or heun) and 1, which is DDIM. The
/// first step is of first order, the last one where the config asks for it or ends at sigma 0. Prediction
/// types epsilon, v_prediction and sample; nothing is clipped. x_T [B, C, h, w] -> [B, C, h, w]
torch::Tensor dpmpp_2m(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                       std::int64_t steps, const StepFn& keep_going = {});

}  // namespace medisyn
