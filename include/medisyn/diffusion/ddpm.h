// DDPM (Ho et al., 2020, https://arxiv.org/abs/2006.11239): ancestral sampling.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "medisyn/diffusion/schedule.h"

namespace medisyn {

/// The timesteps in the order in which ddpm() calls the denoiser, one a step. Error for a variance_type that
/// needs a model of variances.
std::vector<std::int64_t> ddpm_timesteps(const SchedulerConfig& config, std::int64_t steps);

/// x_T -> x_0 by algorithm 2, each step from the mean of equation 7 with the variance of `variance_type`:
/// fixed_small and fixed_small_log beta-tilde, fixed_large beta. `noise` is asked after each step that starts
/// above timestep 0. Prediction types epsilon, v_prediction and sample; clip_sample is honoured.
/// x_T [B, C, h, w] -> [B, C, h, w]
torch::Tensor ddpm(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                   std::int64_t steps, const NoiseFn& noise, const StepFn& keep_going = {});

}  // namespace medisyn
