// The learning rate of a step.
#pragma once

#include <cstdint>

#include "medisyn/train/config.h"

namespace medisyn {

/// The rate of step 0, 1, ... of `max_steps`: rising linearly over the first warmup_steps, then constant, or
/// falling to final_fraction of it along a line or half a cosine.
double learning_rate_at(const OptimizerConfig& config, std::int64_t step, std::int64_t max_steps);

}  // namespace medisyn
