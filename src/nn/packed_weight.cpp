#include "medisyn/nn/packed_weight.h"

#include <ATen/core/dispatch/Dispatcher.h>

#include "cpu_tensor.h"

// The operators are registered in libtorch_cpu.so for torch.compile and have no C++ declaration.
namespace medisyn {
namespace {

template <class... Arguments>
torch::Tensor call(const char* name, Arguments&&... arguments) {
  torch::jit::Stack stack;
  (stack.emplace_back(std::forward<Arguments>(arguments)), ...);
  c10::Dispatcher::singleton().findSchemaOrThrow(name, "").callBoxed(stack);
  return stack.front().toTensor();
}

std::vector<std::int64_t> both(std::int64_t side) { return {side, side}; }

c10::IValue optional(const torch::Tensor& tensor) {
  return tensor.defined() ? c10::IValue(tensor) : c10::IValue();
}

/// Scalar?[], of which no activation ("none") takes any
c10::List<std::optional<at::Scalar>> no_scalars() { return c10::List<std::optional<at::Scalar>>(); }

/// A linear layer over the pixels. As convolutions, such weights get a layout that is changed again at every
/// call unless the images' size is known when they are packed.
bool is_pointwise(const PackedConvShape& shape) {
  return shape.kernel == 1 && shape.stride == 1 && shape.padding == 0;
}

void check_no_gradient(const torch::Tensor& input) {
  TORCH_CHECK(!needs_gradient(input), "packed weights give no gradients");
}

}  // namespace

bool packing_fits(const torch::Tensor& weight) { return has_cpu_kernels(weight); }

torch::Tensor pack_linear(const torch::Tensor& weight) {
  const torch::NoGradGuard no_grad;
  return call("mkldnn::_reorder_linear_weight", weight.detach().contiguous(), c10::IValue());
}

torch::Tensor pack_conv2d(const torch::Tensor& weight, const PackedConvShape& shape) {
  if (is_pointwise(shape)) {
    return pack_linear(weight.flatten(1));
  }
  const torch::NoGradGuard no_grad;
  return call("mkldnn::_reorder_convolution_weight", weight.detach().contiguous(), both(shape.padding),
              both(shape.stride), both(1), std::int64_t{1}, c10::IValue());
}

torch::Tensor packed_linear(const torch::Tensor& input, const torch::Tensor& packed,
                            const torch::Tensor& bias) {
  check_no_gradient(input);
  const torch::NoGradGuard no_grad;
  return call("mkldnn::_linear_pointwise", input, packed, optional(bias), "none", no_scalars(),
              c10::IValue());
}

torch::Tensor packed_conv2d(const torch::Tensor& input, const torch::Tensor& packed,
                            const torch::Tensor& bias, const PackedConvShape& shape) {
  if (is_pointwise(shape)) {  // [B, H, W, C] is how the pixels lie
    return packed_linear(input.permute({0, 2, 3, 1}), packed, bias).permute({0, 3, 1, 2});
  }
  check_no_gradient(input);
  const torch::NoGradGuard no_grad;
  return call("mkldnn::_convolution_pointwise", input, packed, optional(bias), both(shape.padding),
              both(shape.stride), both(1), std::int64_t{1}, "none", no_scalars(), c10::IValue());
}

}  // namespace medisyn
