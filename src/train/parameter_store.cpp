#include "medisyn/train/parameter_store.h"

#include <algorithm>
#include <optional>
#include <tuple>

#include "medisyn/core/error.h"
#include "medisyn/core/memory.h"

namespace medisyn {
namespace {

/// A dense tensor's elements as they lie in memory, whether row-major or channels-last: [numel], a view.
torch::Tensor in_memory_order(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.is_non_overlapping_and_dense(), "expected a tensor without gaps");
  return tensor.detach().as_strided({tensor.numel()}, {1});
}

/// fp32, not initialised. Read and written from end to end in each step.
torch::Tensor large_buffer(std::int64_t size, torch::Device device) {
  torch::Tensor buffer = torch::empty({size}, torch::dtype(torch::kFloat).device(device));
  if (device.is_cpu()) {
    advise_large_pages(buffer.mutable_data_ptr(), buffer.nbytes());
  }
  return buffer;
}

torch::Tensor flatten(const NamedParameters& parameters) {
  std::vector<torch::Tensor> pieces;
  std::int64_t size = 0;
  for (const auto& [name, parameter] : parameters) {
    TORCH_CHECK(parameter.dtype() == torch::kFloat, name, ": trained parameters are kept in fp32");
    pieces.push_back(in_memory_order(parameter));
    size += parameter.numel();
  }
  torch::Tensor flat = large_buffer(size, pieces.front().device());
  at::cat_out(flat, pieces);
  return flat;
}

}  // namespace

ParameterStore::ParameterStore(NamedParameters parameters, const OptimizerConfig& config, Communicator& ranks)
    : config_(config),
      named_(std::move(parameters)),
      ranks_(ranks),
      sharded_(config.shard && ranks.world() > 1),
      parameters_(flatten(named_)),
      step_tensor_(torch::zeros({}, parameters_.options())),
      count_(parameters_.numel()) {
  if (sharded_) {
    std::tie(first_, count_) = ranks.slice(parameters_.numel());
  }
  exp_avg_ = large_buffer(count_, parameters_.device()).zero_();
  exp_avg_sq_ = large_buffer(count_, parameters_.device()).zero_();
  if (config_.ema_decay > 0) {
    ema_ = slice(parameters_).clone();
  }
  std::int64_t offset = 0;
  for (auto& [name, parameter] : named_) {
    const std::int64_t size = parameter.numel();
    parameter.set_data(
        parameters_.narrow(0, offset, size)
            .as_strided(parameter.sizes(), parameter.strides(), parameters_.storage_offset() + offset));
    parameter.mutable_grad() = torch::Tensor();
    const std::int64_t begin = std::max(offset, first_), end = std::min(offset + size, first_ + count_);
    if (begin < end) {
      pieces_.push_back(
          {.parameter = parameter, .begin = begin - offset, .end = end - offset, .place = begin - first_});
    }
    offset += size;
  }
}

std::string ParameterStore::layout() const {
  const bool all_row_major = std::all_of(named_.begin(), named_.end(),
                                         [](const auto& named) { return named.second.is_contiguous(); });
  return all_row_major ? "row-major" : "channels-last";
}

void ParameterStore::drop_gradients() {
  for (auto& [name, parameter] : named_) {
    parameter.mutable_grad() = torch::Tensor();
  }
}

double ParameterStore::gradient_norm() const {
  const torch::NoGradGuard no_grad;
  // Each parameter's own first: over a billion squares in a row fp32 is off by a hundredth.
  std::vector<torch::Tensor> gradients;
  for (const auto& [name, parameter] : named_) {
    if (parameter.grad().defined()) {
      gradients.push_back(parameter.grad());
    }
  }
  return torch::linalg_vector_norm(torch::stack(at::_foreach_norm(gradients, 2))).item<double>();
}

void ParameterStore::apply(double learning_rate, double norm) {
  const torch::NoGradGuard no_grad;
  step_tensor_.add_(1);
  std::vector<torch::Tensor> parameters, gradients, exp_avgs, exp_avg_sqs, steps;
  for (const Piece& piece : pieces_) {
    if (!piece.parameter.grad().defined()) {
      continue;
    }
    const auto part = [&](const torch::Tensor& whole) {
      return in_memory_order(whole).slice(0, piece.begin, piece.end);
    };
    const std::int64_t size = piece.end - piece.begin;
    parameters.push_back(part(piece.parameter));
    gradients.push_back(part(piece.parameter.grad()));
    exp_avgs.push_back(exp_avg_.narrow(0, piece.place, size));
    exp_avg_sqs.push_back(exp_avg_sq_.narrow(0, piece.place, size));
    steps.push_back(step_tensor_);
  }
  std::optional<torch::Tensor> divisor;  // of the gradients
  if (const double longer = (norm + 1e-6) / config_.max_grad_norm; longer > 1) {
    divisor = torch::full({}, longer, parameters_.options());
  }
  at::_fused_adamw_(parameters, gradients, exp_avgs, exp_avg_sqs, {}, steps, learning_rate, config_.beta1,
                    config_.beta2, config_.weight_decay, config_.eps, /*amsgrad=*/false, /*maximize=*/false,
                    divisor);
  if (ema_.defined()) {
    const auto done = static_cast<double>(updates_);
    ema_.lerp_(slice(parameters_), 1 - std::min(config_.ema_decay, (1 + done) / (10 + done)));
  }
  if (sharded_) {
    ranks_.gather_slices(parameters_);
  }
  ++updates_;
  ++step_;
}

void ParameterStore::swap_ema() {
  if (ema_.defined()) {
    const torch::NoGradGuard no_grad;
    const torch::Tensor kept = slice(parameters_).clone();
    slice(parameters_).copy_(ema_);
    ema_.copy_(kept);
    if (sharded_) {
      ranks_.gather_slices(parameters_);
    }
  }
}

torch::Tensor ParameterStore::gathered(const torch::Tensor& own) {
  if (!sharded_) {
    return own;
  }
  torch::Tensor whole = torch::empty_like(parameters_);
  slice(whole).copy_(own);
  ranks_.gather_slices(whole);
  return ranks_.is_first() ? whole.cpu() : torch::Tensor();
}

TensorMap ParameterStore::state() {
  TensorMap state = {
      {"parameters", parameters_}, {"exp_avg", gathered(exp_avg_)}, {"exp_avg_sq", gathered(exp_avg_sq_)}};
  if (ema_.defined()) {
    state["ema"] = gathered(ema_);
  }
  return state;
}

void ParameterStore::load_state(const Safetensors& state, std::int64_t step, std::int64_t updates) {
  const torch::NoGradGuard no_grad;
  const auto load = [&](const std::string& name, torch::Tensor& target, bool is_sliced) {
    if (!state.contains(name) || state.entry(name).shape != std::vector{parameters_.numel()}) {
      fail("training state: {} is missing or of another model: start a new run in another folder", name);
    }
    const torch::Tensor whole = state.tensor(name);
    target.copy_(is_sliced ? slice(whole) : whole);
  };
  load("parameters", parameters_, false);
  load("exp_avg", exp_avg_, true);
  load("exp_avg_sq", exp_avg_sq_, true);
  if (ema_.defined()) {
    load("ema", ema_, true);
  }
  step_ = step;
  updates_ = updates;
  step_tensor_.fill_(static_cast<double>(updates));
}

}  // namespace medisyn
