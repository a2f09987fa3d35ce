#include "medisyn/nn/recompute.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/Context.h>
#include <ATen/autocast_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace medisyn {
namespace {

thread_local int recompute_depth = 0;

/// The states of the generators that a block on `device` may draw from.
class RandomState {
 public:
  explicit RandomState(torch::Device device) {
    generators_.push_back(at::detail::getDefaultCPUGenerator());
    if (!device.is_cpu()) {
      generators_.push_back(at::globalContext().defaultGenerator(device));
    }
    for (at::Generator& generator : generators_) {
      const std::scoped_lock lock(generator.mutex());
      states_.push_back(generator.get_state());
    }
  }

  void restore() {
    for (std::size_t i = 0; i < generators_.size(); ++i) {
      const std::scoped_lock lock(generators_[i].mutex());
      generators_[i].set_state(states_[i]);
    }
  }

 private:
  std::vector<at::Generator> generators_;
  std::vector<torch::Tensor> states_;
};

/// Autocast as it was on another thread or at another time, for the length of a scope.
struct AutocastState {
  torch::DeviceType type;
  bool enabled;
  torch::ScalarType dtype;

  explicit AutocastState(torch::DeviceType of)
      : type(of),
        enabled(at::autocast::is_autocast_enabled(of)),
        dtype(at::autocast::get_autocast_dtype(of)) {}

  void apply() const {
    at::autocast::set_autocast_enabled(type, enabled);
    at::autocast::set_autocast_dtype(type, dtype);
  }
};

class WithAutocast {
 public:
  explicit WithAutocast(const AutocastState& state) : before_(state.type) {
    state.apply();
    at::autocast::increment_nesting();
  }
  ~WithAutocast() {
    if (at::autocast::decrement_nesting() == 0) {
      at::autocast::clear_cache();
    }
    before_.apply();
  }
  WithAutocast(const WithAutocast&) = delete;
  WithAutocast& operator=(const WithAutocast&) = delete;

 private:
  AutocastState before_;
};

class WithRandom {
 public:
  WithRandom(torch::Device device, RandomState& state) : before_(device) { state.restore(); }
  ~WithRandom() { before_.restore(); }
  WithRandom(const WithRandom&) = delete;
  WithRandom& operator=(const WithRandom&) = delete;

 private:
  RandomState before_;
};

/// What the second run needs of the first.
struct FirstRun : torch::CustomClassHolder {
  FirstRun(Block what, torch::Device device)
      : block(std::move(what)), random(device), autocast(device.type()) {}

  Block block;
  RandomState random;
  AutocastState autocast;
};

torch::Tensor leaf_of(const torch::Tensor& tensor, bool requires_grad) {
  return tensor.detach().requires_grad_(requires_grad);
}

class Recompute : public torch::autograd::Function<Recompute> {
 public:
  /// With its graph, which is gone at the end: the kernels are those of the second run.
  static torch::Tensor forward(torch::autograd::AutogradContext* context, const Block& block,
                               const torch::Tensor& a, const torch::Tensor& b) {
    auto first = c10::make_intrusive<FirstRun>(block, a.device());
    context->saved_data["first"] = c10::IValue::make_capsule(std::move(first));
    context->save_for_backward({a, b});
    const at::AutoGradMode with_graph(true);
    return block(leaf_of(a, a.requires_grad()), leaf_of(b, b.requires_grad())).detach();
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext* context,
                                                 const torch::autograd::variable_list& gradients) {
    const auto capsule = context->saved_data["first"].toCapsule();
    auto& first = static_cast<FirstRun&>(*capsule);
    const auto saved = context->get_saved_variables();
    const torch::Tensor a = leaf_of(saved[0], context->needs_input_grad(0)),
                        b = leaf_of(saved[1], context->needs_input_grad(1));
    torch::Tensor result;
    {
      const at::AutoGradMode with_graph(true);
      const WithRandom random(a.device(), first.random);
      const WithAutocast autocast(first.autocast);
      result = first.block(a, b);
    }
    torch::autograd::backward({result}, {gradients[0]});
    return {torch::Tensor(), a.grad(), b.grad()};
  }
};

}  // namespace

RecomputeBlocks::RecomputeBlocks() { ++recompute_depth; }
RecomputeBlocks::~RecomputeBlocks() { --recompute_depth; }
bool RecomputeBlocks::active() { return recompute_depth > 0; }

torch::Tensor recomputed(const Block& block, const torch::Tensor& a, const torch::Tensor& b) {
  if (!RecomputeBlocks::active() || !at::GradMode::is_enabled()) {
    return block(a, b);
  }
  // Without an input that wants a gradient there would be no backward pass for the parameters.
  const bool is_reached = a.requires_grad() || b.requires_grad();
  return Recompute::apply(block, is_reached ? a : leaf_of(a, true), b);
}

}  // namespace medisyn
