#include "medisyn/diffusion/dpmpp_2m.h"

#include <torch/types.h>

#include <cmath>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// Below so many steps lower_order_final makes the last one of first order.
constexpr std::int64_t kFewSteps = 15;

void check_keys(const SchedulerConfig& config) {
  if (config.algorithm_type != "dpmsolver++") {
    fail("scheduler: algorithm_type {}: dpmpp_2m knows dpmsolver++ alone; choose another --sampler",
         config.algorithm_type);
  }
  if (config.solver_order > 2) {
    fail("scheduler: solver_order {}: dpmpp_2m knows 1 and 2; choose another --sampler", config.solver_order);
  }
  const std::string variance = config.variance_type.value_or("");
  if (config.prediction_type == "epsilon" && variance.starts_with("learned")) {
    fail("scheduler: variance_type {}: dpmpp_2m knows no model that predicts variances", variance);
  }
}

/// Descending.
std::vector<std::int64_t> timesteps_of(const SchedulerConfig& config, std::int64_t steps) {
  const bool leaves_one_out = config.spacing() != "trailing";
  const auto spaced = spaced_timesteps(config, steps + (leaves_one_out ? 1 : 0));
  return {spaced.rbegin(), spaced.rend() - (leaves_one_out ? 1 : 0)};
}

/// Where the step from level i is of first order.
bool is_first_order(const SchedulerConfig& config, std::size_t i, std::size_t steps) {
  const bool is_low_at_end = config.euler_at_final || config.final_sigmas_type == "zero" ||
                             (config.lower_order_final && static_cast<std::int64_t>(steps) < kFewSteps);
  return config.solver_order == 1 || i == 0 || (i + 1 == steps && is_low_at_end);
}

/// The weight of the difference quotient in D_i: 1/2 in algorithm 2 ("midpoint"); "heun" integrates the first
/// Taylor term over the step h exactly.
double slope_weight(const SchedulerConfig& config, double h) {
  return config.solver_type == "heun" ? -1 / h - 1 / std::expm1(-h) : 0.5;
}

}  // namespace

std::int64_t dpmpp_2m_calls(const SchedulerConfig& config, std::int64_t steps) {
  check_keys(config);
  if (steps < 1 || steps >= config.num_train_timesteps) {
    fail("{} steps: dpmpp_2m expects 1 to {}, one less than the timesteps that the model was trained with",
         steps, config.num_train_timesteps - 1);
  }
  return static_cast<std::int64_t>(timesteps_of(config, steps).size());
}

NoiseLevels dpmpp_2m_levels(const NoiseSchedule& schedule, std::int64_t steps) {
  const SchedulerConfig& config = schedule.config;
  dpmpp_2m_calls(config, steps);
  const auto sigmas = training_sigmas(schedule);
  NoiseLevels levels;
  if (config.use_karras_sigmas) {
    levels.sigmas = karras_sigmas(config, sigmas.back(), sigmas.front(), steps);
    for (const double sigma : levels.sigmas) {
      const double t = timestep_at(sigmas, sigma);
      levels.timesteps.push_back(config.beta_schedule == "squaredcos_cap_v2" ? std::floor(t)
                                                                             : std::nearbyint(t));
    }
  } else {
    for (const std::int64_t t : timesteps_of(config, steps)) {
      levels.timesteps.push_back(static_cast<double>(t));
      levels.sigmas.push_back(sigma_at(sigmas, static_cast<double>(t)));
    }
  }
  levels.sigmas.push_back(final_sigma(config, sigmas));
  return levels;
}

torch::Tensor dpmpp_2m(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                       std::int64_t steps, const StepFn& keep_going) {
  const SchedulerConfig& config = schedule.config;
  const NoiseLevels levels = dpmpp_2m_levels(schedule, steps);
  torch::Tensor x = x_T, previous_x0;
  double previous_h = 0;
  for (std::size_t i = 0; i < levels.timesteps.size(); ++i) {
    const double s = levels.sigmas[i], next = levels.sigmas[i + 1];
    const auto [alpha_s, sigma_s] = signal_and_noise(s);
    const auto [alpha_t, sigma_t] = signal_and_noise(next);
    // lambda = log(alpha / sigma) = -log s, so that e^-h = next / s; infinite h at the end is never used.
    const double h = std::log(s / next);
    const auto x0 = predicted_x0(config.prediction_type, model(x, levels.timesteps[i]), x, alpha_s, sigma_s);
    auto D = x0;
    if (!is_first_order(config, i, levels.timesteps.size()) && h > 0) {
      D = x0 + slope_weight(config, h) * (h / previous_h) * (x0 - previous_x0);
    }
    x = (sigma_t / sigma_s) * x - alpha_t * (next / s - 1) * D;
    previous_x0 = x0;
    previous_h = h;
    if (keep_going && !keep_going()) {
      return {};
    }
  }
  return x;
}

}  // namespace medisyn
