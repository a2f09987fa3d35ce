// PNDM (Liu et al., 2022, https://arxiv.org/abs/2202.09778): Runge-Kutta (PRK) steps, then linear multistep
// (PLMS).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "medisyn/diffusion/schedule.h"

namespace medisyn {

/// The timesteps in the order in which pndm() calls the denoiser: steps + 1 with skip_prk_steps (the second
/// one is visited twice; a single step has one call), steps + 9 with PRK, which needs at least 4 steps
/// (Error).
std::vector<std::int64_t> pndm_timesteps(const SchedulerConfig& config, std::int64_t steps);

/// x_T -> x_0 by equation 9 over the mixed noise of equation 12 (PLMS) and 13 (PRK). With skip_prk_steps the
/// first steps mix as many earlier predictions as there are, after one Heun-like correction, as Stable
/// Diffusion does. Prediction types epsilon and v_prediction (Error for sample); nothing is clipped. x_T [B,
/// C, h, w] -> [B, C, h, w]
torch::Tensor pndm(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                   std::int64_t steps, const StepFn& keep_going = {});

}  // namespace medisyn
