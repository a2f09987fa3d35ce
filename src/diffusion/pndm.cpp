#include "medisyn/diffusion/pndm.h"

#include <torch/types.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// Runge-Kutta steps in front of the multistep ones, four denoiser calls each: as many as PLMS needs
/// predictions.
constexpr std::size_t kPrkSteps = 3;
constexpr std::size_t kOrder = 4;

/// Equation 9: x at timestep t moved to timestep s along the prediction.
torch::Tensor transfer(const NoiseSchedule& schedule, const torch::Tensor& x, const torch::Tensor& prediction,
                       std::int64_t t, std::int64_t s) {
  const double a_t = schedule.alpha_bar(t), a_s = schedule.alpha_bar(s);
  const auto epsilon = schedule.config.prediction_type == "v_prediction"
                           ? std::sqrt(a_t) * prediction + std::sqrt(1 - a_t) * x
                           : prediction;
  const double denominator = a_t * std::sqrt(1 - a_s) + std::sqrt(a_t * (1 - a_t) * a_s);
  return std::sqrt(a_s / a_t) * x - ((a_s - a_t) / denominator) * epsilon;
}

/// Equation 12 (fourth order) and its lower orders for the start; `e` holds the latest prediction last.
torch::Tensor multistep(const std::deque<torch::Tensor>& e) {
  const auto back = [&](std::size_t i) { return e[e.size() - 1 - i]; };
  switch (e.size()) {
    case 1:
      return back(0);
    case 2:
      return (3 * back(0) - back(1)) / 2;
    case 3:
      return (23 * back(0) - 16 * back(1) + 5 * back(2)) / 12;
    default:
      return (55 * back(0) - 59 * back(1) + 37 * back(2) - 9 * back(3)) / 24;
  }
}

void remember(std::deque<torch::Tensor>& e, const torch::Tensor& prediction) {
  e.push_back(prediction);
  if (e.size() > kOrder) {
    e.pop_front();
  }
}

/// The denoiser, counting the calls; undefined once keep_going said no.
class Calls {
 public:
  Calls(const DenoiseFn& model, const StepFn& keep_going) : model_(model), keep_going_(keep_going) {}

  torch::Tensor operator()(const torch::Tensor& x, std::int64_t t) {
    auto prediction = model_(x, static_cast<double>(t));
    stopped_ = keep_going_ && !keep_going_();
    return prediction;
  }
  bool stopped() const { return stopped_; }

 private:
  const DenoiseFn& model_;
  const StepFn& keep_going_;
  bool stopped_ = false;
};

/// One Runge-Kutta step (equation 13) over the four timesteps of `t`: from t[0] over the midpoint t[1] = t[2]
/// to t[3].
torch::Tensor runge_kutta_step(Calls& call, const NoiseSchedule& schedule, const torch::Tensor& x,
                               const std::int64_t* t, std::int64_t half, std::deque<torch::Tensor>& e) {
  const auto e1 = call(x, t[0]);
  remember(e, e1);
  // The reference's targets: half a stride before the timestep of an even call, the timestep itself of an odd
  // one.
  const auto x1 = transfer(schedule, x, e1, t[0], t[0] - half);
  const auto e2 = call(x1, t[1]);
  const auto x2 = transfer(schedule, x, e2, t[0], t[1]);
  const auto e3 = call(x2, t[2]);
  const auto x3 = transfer(schedule, x, e3, t[0], t[2] - half);
  const auto e4 = call(x3, t[3]);
  return transfer(schedule, x, e1 / 6 + e2 / 3 + e3 / 3 + e4 / 6, t[0], t[3]);
}

}  // namespace

std::vector<std::int64_t> pndm_timesteps(const SchedulerConfig& config, std::int64_t steps) {
  const std::vector<std::int64_t> spaced = spaced_timesteps(config, steps);
  const std::vector<std::int64_t> descending(spaced.rbegin(), spaced.rend());
  std::vector<std::int64_t> timesteps;
  if (config.skip_prk_steps) {
    timesteps = descending;
    if (steps > 1) {
      timesteps.insert(timesteps.begin() + 1, descending[1]);
    }
    return timesteps;
  }
  if (steps <= static_cast<std::int64_t>(kPrkSteps)) {
    fail("{} steps: PNDM with Runge-Kutta steps (skip_prk_steps: false) needs at least {}", steps,
         kPrkSteps + 1);
  }
  const std::int64_t half = config.num_train_timesteps / steps / 2;
  for (std::size_t i = 0; i < kPrkSteps; ++i) {
    const std::int64_t middle = descending[i + 1] + half;
    timesteps.insert(timesteps.end(), {descending[i], middle, middle, descending[i + 1]});
  }
  timesteps.insert(timesteps.end(), descending.begin() + kPrkSteps, descending.end());
  return timesteps;
}

torch::Tensor pndm(const DenoiseFn& model, const torch::Tensor& x_T, const NoiseSchedule& schedule,
                   std::int64_t steps, const StepFn& keep_going) {
  const SchedulerConfig& config = schedule.config;
  if (config.prediction_type == "sample") {
    fail("PNDM mixes predictions of noise: prediction_type sample needs another sampler, such as ddim");
  }
  const auto timesteps = pndm_timesteps(config, steps);
  const std::int64_t stride = config.num_train_timesteps / steps;
  Calls call(model, keep_going);
  std::deque<torch::Tensor> e;
  torch::Tensor x = x_T;
  std::size_t i = 0;
  if (!config.skip_prk_steps) {
    for (; i < kPrkSteps * 4 && !call.stopped(); i += 4) {
      x = runge_kutta_step(call, schedule, x, &timesteps[i], stride / 2, e);
    }
  } else if (timesteps.size() > 1) {
    // Two calls make the first step: a trial, then again from x_T with the mean of both predictions.
    const std::int64_t t = timesteps[0], s = timesteps[1];
    const auto e1 = call(x, t);
    remember(e, e1);
    if (!call.stopped()) {
      const auto e2 = call(transfer(schedule, x, e1, t, t - stride), s);
      x = transfer(schedule, x, (e1 + e2) / 2, s + stride, s);
    }
    i = 2;
  }
  for (; i < timesteps.size() && !call.stopped(); ++i) {
    const std::int64_t t = timesteps[i];
    remember(e, call(x, t));
    x = transfer(schedule, x, multistep(e), t, t - stride);
  }
  return call.stopped() ? torch::Tensor() : x;
}

}  // namespace medisyn
