// What a text-to-image training starts from.
#pragma once

#include "medisyn/pipeline/stable_diffusion.h"
#include "medisyn/train/config.h"

namespace medisyn {

/// The model that `parts` describe, in fp32 on the CPU: a Stable Diffusion or Stable Diffusion XL folder,
/// with another text encoder where parts.text names one, or parts from scratch. Its scheduler is what is
/// saved again: with the config's prediction_type, and for zero_terminal_snr as a DDIM that steps from the
/// last timestep (Lin et al., section 3). Error when the parts do not fit each other, zero_terminal_snr comes
/// with epsilon, or empty_prompt is "zeros" in a model that has no such thing.
StableDiffusion starting_model(const TrainConfig& config);

}  // namespace medisyn
