#include "medisyn/nn/packed_weight.h"

#include <ATen/record_function.h>

#include <array>

#include "cpu_tasks.h"
#include "cpu_tensor.h"
#include "medisyn/nn/cpu_product_kernel.h"

namespace medisyn {
namespace {

constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kWinogradPlaces = 16;

/// Wider layers of fp32 keep their 9 numbers a filter: 16 would be another gigabyte for Stable Diffusion 1.4.
constexpr std::int64_t kMostFilters = 1'300'000;

cpu::PackedShape packed_shape(const torch::Tensor& values, const PackedWeight& weight) {
  return {.element = element_of(values),
          .taps = weight.is_winograd ? kWinogradPlaces : weight.kernel * weight.kernel,
          .in = weight.in,
          .out = weight.out};
}

PackedWeight pack(const torch::Tensor& weight, PackedWeight packed) {
  const torch::Tensor plain = weight.detach().contiguous();
  const cpu::PackedShape shape = packed_shape(plain, packed);
  packed.values = torch::empty({cpu::packed_elements(shape)}, plain.options());
  for_each_task(cpu::panels(shape), 1, [&](std::int64_t panel) {
    (packed.is_winograd ? cpu::pack_winograd_panel : cpu::pack_panel)(
        shape, plain.const_data_ptr(), packed.values.mutable_data_ptr(), panel);
  });
  return packed;
}

std::int64_t size_of_output(std::int64_t size, const PackedWeight& weight) {
  return (size + 2 * weight.padding - weight.kernel) / weight.stride + 1;
}

void multiply_by_tiles(const cpu::ConvProblem& problem) {
  const std::int64_t at_once = cpu::winograd_tiles_at_once(problem);
  const torch::Tensor values = torch::empty({cpu::winograd_bytes(problem, at_once)}, torch::kUInt8);
  void* memory = values.mutable_data_ptr();
  for (std::int64_t first = 0; first < cpu::winograd_tiles(problem); first += at_once) {
    const cpu::Tiles tiles = {.first = first,
                              .count = std::min(at_once, cpu::winograd_tiles(problem) - first)};
    for_each_task(tiles.count, 1,
                  [&](std::int64_t tile) { cpu::transform_inputs(problem, tiles, memory, tile); });
    for_each_task(cpu::winograd_tasks(problem), 1,
                  [&](std::int64_t task) { cpu::multiply(problem, tiles, memory, task); });
    for_each_task(tiles.count, 1,
                  [&](std::int64_t tile) { cpu::transform_outputs(problem, tiles, memory, tile); });
  }
}

/// images [B, H, W, in] -> [B, H', W', out]
torch::Tensor convolve(const torch::Tensor& images, const PackedWeight& weight, const torch::Tensor& bias) {
  TORCH_CHECK(!needs_gradient(images), "packed weights give no gradients");
  TORCH_CHECK(images.scalar_type() == weight.values.scalar_type() && images.size(3) == weight.in,
              "a packed weight of ", weight.in, " ", weight.values.scalar_type(), " inputs for ",
              images.sizes(), " ", images.scalar_type());
  const torch::Tensor x = images.contiguous();
  const torch::Tensor zeros = torch::zeros({weight.in}, x.options());
  torch::Tensor out = torch::empty(
      {x.size(0), size_of_output(x.size(1), weight), size_of_output(x.size(2), weight), weight.out},
      x.options());
  const torch::Tensor added = bias.defined() ? bias.contiguous() : bias;
  const std::int64_t pixels = out.size(0) * out.size(1) * out.size(2);
  // As torch's operators do: for FlopCounter and for profilers.
  RECORD_FUNCTION("medisyn::packed_product", (std::array<c10::IValue, 1>{pixels * weight.out * weight.in *
                                                                         weight.kernel * weight.kernel}));
  const cpu::ConvProblem problem{.shape = packed_shape(weight.values, weight),
                                 .images = x.size(0),
                                 .height = x.size(1),
                                 .width = x.size(2),
                                 .out_height = out.size(1),
                                 .out_width = out.size(2),
                                 .kernel = weight.kernel,
                                 .stride = weight.stride,
                                 .padding = weight.padding,
                                 .x = x.const_data_ptr(),
                                 .packed = weight.values.const_data_ptr(),
                                 .zeros = zeros.const_data_ptr(),
                                 .bias = added.defined() ? added.const_data_ptr() : nullptr,
                                 .out = out.mutable_data_ptr()};
  if (weight.is_winograd) {
    multiply_by_tiles(problem);
  } else {
    for_each_task(cpu::convolve_tasks(problem), 1, [&](std::int64_t task) { cpu::convolve(problem, task); });
  }
  return out;
}

}  // namespace

bool packing_fits(const torch::Tensor& weight) {
  return has_cpu_kernels(weight) && (weight.scalar_type() == torch::kFloat || weight.size(1) % 2 == 0);
}

PackedWeight pack_linear(const torch::Tensor& weight) {
  return pack(weight, {.in = weight.size(1), .out = weight.size(0)});
}

PackedWeight pack_conv2d(const torch::Tensor& weight, std::int64_t stride, std::int64_t padding) {
  const bool is_small =
      weight.scalar_type() != torch::kFloat || weight.size(0) * weight.size(1) <= kMostFilters;
  const bool is_winograd = weight.size(2) == 3 && stride == 1 && padding == 1 && is_small &&
                           weight.size(0) % kLanes == 0 && weight.size(1) % kLanes == 0;
  return pack(weight, {.in = weight.size(1),
                       .out = weight.size(0),
                       .kernel = weight.size(2),
                       .stride = stride,
                       .padding = padding,
                       .is_winograd = is_winograd});
}

torch::Tensor packed_linear(const torch::Tensor& input, const PackedWeight& weight,
                            const torch::Tensor& bias) {
  std::vector<std::int64_t> shape = input.sizes().vec();
  const torch::Tensor rows = input.reshape({1, 1, -1, shape.back()});
  shape.back() = weight.out;
  return convolve(rows, weight, bias).view(shape);
}

torch::Tensor packed_conv2d(const torch::Tensor& input, const PackedWeight& weight,
                            const torch::Tensor& bias) {
  return convolve(input.permute({0, 2, 3, 1}), weight, bias).permute({0, 3, 1, 2});
}

}  // namespace medisyn
