#include "medisyn/nn/layers.h"

#include <cmath>

#include "medisyn/nn/cpu_elementwise.h"
#include "medisyn/nn/trained_linear.h"

namespace medisyn {
namespace {

thread_local int uninitialised_depth = 0;

/// torch's default for linear and convolutional layers (kaiming_uniform_ with a = sqrt(5) comes to this
/// bound).
void draw_uniform(torch::Tensor& weight, torch::Tensor& bias) {
  if (UninitialisedParameters::active()) {
    return;
  }
  const torch::NoGradGuard no_grad;
  const double fan_in = static_cast<double>(weight[0].numel());
  const double bound = fan_in > 0 ? 1 / std::sqrt(fan_in) : 0;
  weight.uniform_(-bound, bound);
  if (bias.defined()) {
    bias.uniform_(-bound, bound);
  }
}

/// What stands for a weight that a layer has packed.
torch::Tensor without_values(const torch::Tensor& weight) {
  return torch::empty(weight.sizes(), weight.options().device(torch::kMeta))
      .requires_grad_(weight.requires_grad());
}

torch::Tensor linear(const torch::Tensor& input, const torch::Tensor& weight, const PackedWeight& packed,
                     const torch::Tensor& bias) {
  if (packed.defined()) {
    return packed_linear(input, packed, bias);
  }
  return trained_linear_fits(input, weight) ? trained_linear(input, weight, bias)
                                            : torch::linear(input, weight, bias);
}

void fill_ones_and_zeros(torch::Tensor& weight, torch::Tensor& bias) {
  if (!UninitialisedParameters::active()) {
    const torch::NoGradGuard no_grad;
    weight.fill_(1);
    bias.zero_();
  }
}

}  // namespace

UninitialisedParameters::UninitialisedParameters() { ++uninitialised_depth; }
UninitialisedParameters::~UninitialisedParameters() { --uninitialised_depth; }
bool UninitialisedParameters::active() { return uninitialised_depth > 0; }

LinearImpl::LinearImpl(std::int64_t in, std::int64_t out, bool has_bias)
    : weight(register_parameter("weight", torch::empty({out, in}))) {
  if (has_bias) {
    bias = register_parameter("bias", torch::empty({out}));
  }
  draw_uniform(weight, bias);
}

torch::Tensor LinearImpl::forward(const torch::Tensor& input) const {
  return linear(input, weight, packed_, bias);
}

void LinearImpl::pack() {
  if (packing_fits(weight)) {
    packed_ = pack_linear(weight);
    parameters_["weight"] = weight = without_values(weight);
  }
}

Conv2dImpl::Conv2dImpl(const ConvShape& shape)
    : weight(register_parameter("weight", torch::empty({shape.out, shape.in, shape.kernel, shape.kernel}))),
      bias(register_parameter("bias", torch::empty({shape.out}))),
      stride_(shape.stride),
      padding_(shape.padding) {
  draw_uniform(weight, bias);
}

torch::Tensor Conv2dImpl::forward(const torch::Tensor& input) const {
  return packed_.defined() ? packed_conv2d(input, packed_, bias)
                           : torch::conv2d(input, weight, bias, stride_, padding_);
}

torch::Tensor Conv2dImpl::on_tokens(const torch::Tensor& tokens) const {
  TORCH_CHECK(weight.size(2) == 1 && stride_ == 1 && padding_ == 0, "only a 1x1 convolution works on tokens");
  return linear(tokens, weight.flatten(1), packed_, bias);
}

void Conv2dImpl::pack() {
  if (packing_fits(weight)) {
    packed_ = pack_conv2d(weight, stride_, padding_);
    parameters_["weight"] = weight = without_values(weight);
  }
}

GroupNormImpl::GroupNormImpl(std::int64_t groups, std::int64_t channels, double eps)
    : weight(register_parameter("weight", torch::empty({channels}))),
      bias(register_parameter("bias", torch::empty({channels}))),
      groups_(groups),
      eps_(eps) {
  TORCH_CHECK(channels % groups == 0, channels, " channels cannot be divided into ", groups, " groups");
  fill_ones_and_zeros(weight, bias);
}

torch::Tensor GroupNormImpl::forward(const torch::Tensor& input) const {
  return cpu_group_norm_fits(input, weight)
             ? cpu_group_norm(input, weight, bias, {.groups = groups_, .eps = eps_, .has_silu = false})
             : torch::group_norm(input, groups_, weight, bias, eps_);
}

torch::Tensor GroupNormImpl::with_silu(const torch::Tensor& input) const {
  return cpu_group_norm_fits(input, weight)
             ? cpu_group_norm(input, weight, bias, {.groups = groups_, .eps = eps_, .has_silu = true})
             : torch::silu(torch::group_norm(input, groups_, weight, bias, eps_));
}

LayerNormImpl::LayerNormImpl(std::int64_t width, double eps)
    : weight(register_parameter("weight", torch::empty({width}))),
      bias(register_parameter("bias", torch::empty({width}))),
      eps_(eps) {
  fill_ones_and_zeros(weight, bias);
}

torch::Tensor LayerNormImpl::forward(const torch::Tensor& input) const {
  return torch::layer_norm(input, weight.sizes(), weight, bias, eps_);
}

EmbeddingImpl::EmbeddingImpl(std::int64_t count, std::int64_t width, std::int64_t padding_id)
    : weight(register_parameter("weight", torch::empty({count, width}))), padding_id_(padding_id) {
  if (!UninitialisedParameters::active()) {
    const torch::NoGradGuard no_grad;
    weight.normal_();
  }
}

torch::Tensor EmbeddingImpl::forward(const torch::Tensor& ids) const {
  return torch::embedding(weight, ids, padding_id_);
}

torch::Tensor add_to(torch::Tensor own, const torch::Tensor& other) {
  return at::GradMode::is_enabled() ? other + own : own.add_(other);
}

void prepare_for_inference(torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  for (const auto& module : model.modules(/*include_self=*/false)) {
    if (auto* linear = module->as<LinearImpl>()) {
      linear->pack();
    } else if (auto* conv = module->as<Conv2dImpl>()) {
      conv->pack();
    }
  }
  for (torch::Tensor& parameter : model.parameters()) {
    if (parameter.dim() == 4 && !parameter.is_meta()) {
      parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
    } else if (parameter.is_cpu() && parameter.dim() == 1) {
      parameter.set_data(parameter.clone());  // lets go of the mapped file, whose weights were given up
    }
  }
}

}  // namespace medisyn
