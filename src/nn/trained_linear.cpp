#include "medisyn/nn/trained_linear.h"

#include <ATen/autocast_mode.h>
#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>

#include "cpu_tasks.h"
#include "cpu_tensor.h"
#include "medisyn/nn/cpu_plain_product_kernel.h"

namespace medisyn {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

constexpr std::int64_t kLanes = 16;

/// left [N, K] of any strides, right [K, M] with whole rows -> [N, M]
torch::Tensor product(const torch::Tensor& left, const torch::Tensor& right, const torch::Tensor& bias) {
  torch::Tensor out = torch::empty({left.size(0), right.size(1)}, right.options());
  const cpu::PlainProduct problem{.rows = left.size(0),
                                  .columns = right.size(1),
                                  .depth = right.size(0),
                                  .left = left.const_data_ptr<float>(),
                                  .left_row = left.stride(0),
                                  .left_step = left.stride(1),
                                  .right = right.const_data_ptr<float>(),
                                  .right_step = right.stride(0),
                                  .bias = bias.defined() ? bias.const_data_ptr<float>() : nullptr,
                                  .out = out.mutable_data_ptr<float>(),
                                  .out_row = out.stride(0)};
  for_each_task(cpu::plain_product_tasks(problem), 1,
                [&](std::int64_t task) { cpu::multiply_plain(problem, task); });
  return out;
}

/// [..., width] -> [N, width]
torch::Tensor rows_of(const torch::Tensor& x) { return x.reshape({-1, x.size(-1)}).contiguous(); }

/// x W^T + b. Of x and W the smaller one is turned, for the product reads whole rows of its right side.
torch::Tensor forward_product(const torch::Tensor& rows, const torch::Tensor& weight,
                              const torch::Tensor& bias) {
  if (rows.size(0) >= weight.size(0) || rows.size(0) % kLanes != 0) {
    return product(rows, weight.t().contiguous(), bias);
  }
  const torch::Tensor turned = product(weight, rows.t().contiguous(), {}).t();
  return bias.defined() ? (turned + bias).contiguous() : turned.contiguous();
}

class LinearFunction : public torch::autograd::Function<LinearFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& input,
                               const torch::Tensor& weight, const std::optional<torch::Tensor>& bias) {
    context->save_for_backward({input, weight});
    context->saved_data["has_bias"] = bias.has_value();
    std::vector<std::int64_t> shape = input.sizes().vec();
    shape.back() = weight.size(0);
    return forward_product(rows_of(input), weight, bias.value_or(torch::Tensor())).view(shape);
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor& input = saved[0];
    const torch::Tensor gradient = rows_of(gradients[0]);
    variable_list found(3);
    if (context->needs_input_grad(0)) {
      found[0] = product(gradient, saved[1], {}).view(input.sizes());
    }
    if (context->needs_input_grad(1)) {
      found[1] = product(gradient.t(), rows_of(input), {});
    }
    if (context->saved_data["has_bias"].toBool() && context->needs_input_grad(2)) {
      found[2] = gradient.sum(0);
    }
    return found;
  }
};

}  // namespace

bool trained_linear_fits(const torch::Tensor& input, const torch::Tensor& weight) {
  return (needs_gradient(input) || needs_gradient(weight)) && input.scalar_type() == torch::kFloat &&
         weight.scalar_type() == torch::kFloat && input.device() == weight.device() &&
         has_cpu_kernels(weight) && weight.is_contiguous() && weight.size(0) % kLanes == 0 &&
         weight.size(1) % kLanes == 0 && input.numel() >= kLanes * weight.size(1) &&
         !at::autocast::is_autocast_enabled(at::kCPU);
}

torch::Tensor trained_linear(const torch::Tensor& input, const torch::Tensor& weight,
                             const torch::Tensor& bias) {
  // As torch's operators do: for FlopCounter and for profilers.
  RECORD_FUNCTION("medisyn::trained_linear", (std::array<c10::IValue, 2>{input, weight}));
  return LinearFunction::apply(input, weight, bias.defined() ? std::optional(bias) : std::nullopt);
}

}  // namespace medisyn
