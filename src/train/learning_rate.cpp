#include "medisyn/train/learning_rate.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace medisyn {

double learning_rate_at(const OptimizerConfig& config, std::int64_t step, std::int64_t max_steps) {
  if (step < config.warmup_steps) {
    return config.learning_rate * static_cast<double>(step + 1) / static_cast<double>(config.warmup_steps);
  }
  if (config.schedule == "constant") {
    return config.learning_rate;
  }
  const auto decay_steps = static_cast<double>(std::max<std::int64_t>(max_steps - config.warmup_steps, 1));
  const double progress = std::min(static_cast<double>(step - config.warmup_steps) / decay_steps, 1.0);
  const double left =
      config.schedule == "linear" ? 1 - progress : (1 + std::cos(std::numbers::pi * progress)) / 2;
  return config.learning_rate * (config.final_fraction + (1 - config.final_fraction) * left);
}

}  // namespace medisyn
