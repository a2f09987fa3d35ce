// DDIM (Song et al., 2021, https://arxiv.org/abs/2010.02502).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "medisyn/diffusion/schedule.h"

namespace medisyn {

/// The timesteps in the order in which ddim() calls the denoiser, one a step.
std::vector<std::int64_t> ddim_timesteps(const SchedulerConfig& config, std::int64_t steps);

/// x_T -> x_0 in `steps` calls of the denoiser by equation 12, sigma_t by equation 16 with `eta`: 0 is
/// deterministic, 1 adds the noise of DDPM. `noise` is asked once a step when eta > 0. Prediction types
/// epsilon, v_prediction and sample; clip_sample is honoured. x_T [B, C, h, w] -> [B, C, h, w]
torch::Tensor ddim(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                   std::int64_t steps, double eta = 0, const NoiseFn& noise = {},
                   const StepFn& keep_going = {});

}  // namespace medisyn
