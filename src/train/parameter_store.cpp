#include "medisyn/train/parameter_store.h"

#include <algorithm>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

torch::Tensor flatten(const NamedParameters& parameters) {
  std::vector<torch::Tensor> pieces;
  for (const auto& [name, parameter] : parameters) {
    TORCH_CHECK(parameter.dtype() == torch::kFloat, name, ": trained parameters are kept in fp32");
    pieces.push_back(parameter.detach().reshape({-1}));
  }
  return torch::cat(pieces);
}

}  // namespace

ParameterStore::ParameterStore(NamedParameters parameters, const OptimizerConfig& config)
    : config_(config),
      named_(std::move(parameters)),
      parameters_(flatten(named_)),
      gradients_(torch::zeros_like(parameters_)),
      exp_avg_(torch::zeros_like(parameters_)),
      exp_avg_sq_(torch::zeros_like(parameters_)),
      step_tensor_(torch::zeros({}, parameters_.options())) {
  if (config_.ema_decay > 0) {
    ema_ = parameters_.clone();
  }
  std::int64_t offset = 0;
  for (auto& [name, parameter] : named_) {
    const auto slice = [&](const torch::Tensor& flat) {
      return flat.narrow(0, offset, parameter.numel()).view(parameter.sizes());
    };
    parameter.set_data(slice(parameters_));
    parameter.mutable_grad() = slice(gradients_);
    offset += parameter.numel();
  }
}

torch::Tensor ParameterStore::clip_gradients() {
  const torch::NoGradGuard no_grad;
  // Each parameter's own first: over a billion squares in a row fp32 is off by a hundredth.
  std::vector<torch::Tensor> gradients;
  for (const auto& [name, parameter] : named_) {
    gradients.push_back(parameter.grad());
  }
  const torch::Tensor norm = torch::linalg_vector_norm(torch::stack(at::_foreach_norm(gradients, 2)));
  gradients_.mul_((config_.max_grad_norm / (norm + 1e-6)).clamp_max(1.0));
  return norm;
}

void ParameterStore::apply(double learning_rate) {
  const torch::NoGradGuard no_grad;
  step_tensor_.add_(1);
  at::_fused_adamw_({parameters_}, {gradients_}, {exp_avg_}, {exp_avg_sq_}, {}, {step_tensor_}, learning_rate,
                    config_.beta1, config_.beta2, config_.weight_decay, config_.eps, /*amsgrad=*/false,
                    /*maximize=*/false);
  if (ema_.defined()) {
    const auto done = static_cast<double>(step_);
    ema_.lerp_(parameters_, 1 - std::min(config_.ema_decay, (1 + done) / (10 + done)));
  }
  ++step_;
}

void ParameterStore::swap_ema() {
  if (ema_.defined()) {
    const torch::NoGradGuard no_grad;
    const torch::Tensor kept = parameters_.clone();
    parameters_.copy_(ema_);
    ema_.copy_(kept);
  }
}

TensorMap ParameterStore::state() const {
  TensorMap state = {{"parameters", parameters_}, {"exp_avg", exp_avg_}, {"exp_avg_sq", exp_avg_sq_}};
  if (ema_.defined()) {
    state["ema"] = ema_;
  }
  return state;
}

void ParameterStore::load_state(const Safetensors& state, std::int64_t step) {
  const torch::NoGradGuard no_grad;
  const auto load = [&state](const std::string& name, torch::Tensor& target) {
    if (!state.contains(name) || state.tensor(name).sizes() != target.sizes()) {
      fail("training state: {} is missing or of another model: start a new run in another folder", name);
    }
    target.copy_(state.tensor(name));
  };
  load("parameters", parameters_);
  load("exp_avg", exp_avg_);
  load("exp_avg_sq", exp_avg_sq_);
  if (ema_.defined()) {
    load("ema", ema_);
  }
  step_ = step;
  step_tensor_.fill_(static_cast<double>(step));
}

}  // namespace medisyn
