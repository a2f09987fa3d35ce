#include "medisyn/nn/cpu_elementwise.h"

#include "cpu_tasks.h"
#include "cpu_tensor.h"
#include "medisyn/nn/cpu_elementwise_kernel.h"

namespace medisyn {
namespace {

constexpr std::int64_t kLanes = 16;
constexpr std::int64_t kGrainElements = 32768;  // below, another thread costs more than it saves

bool can_take(const torch::Tensor& x) { return has_cpu_kernels(x) && !needs_gradient(x); }

/// Tasks of so many elements that a thread takes at least.
std::int64_t grain(std::int64_t elements) {
  return std::max<std::int64_t>(1, kGrainElements / std::max<std::int64_t>(1, elements));
}

}  // namespace

bool cpu_group_norm_fits(const torch::Tensor& input, const torch::Tensor& weight) {
  return input.dim() == 4 && input.numel() > 0 && input.size(1) % kLanes == 0 &&
         input.is_contiguous(torch::MemoryFormat::ChannelsLast) && can_take(input) && can_take(weight) &&
         weight.scalar_type() == input.scalar_type();
}

torch::Tensor cpu_group_norm(const torch::Tensor& input, const torch::Tensor& weight,
                             const torch::Tensor& bias, const GroupNormOptions& options) {
  torch::Tensor out = torch::empty_like(input, torch::MemoryFormat::ChannelsLast);
  const torch::Tensor scales = weight.contiguous();
  const torch::Tensor shifts = bias.contiguous();
  const cpu::NormProblem problem{.element = element_of(input),
                                 .images = input.size(0),
                                 .pixels = input.size(2) * input.size(3),
                                 .channels = input.size(1),
                                 .groups = options.groups,
                                 .eps = options.eps,
                                 .has_silu = options.has_silu,
                                 .x = input.const_data_ptr(),
                                 .weight = scales.const_data_ptr(),
                                 .bias = shifts.const_data_ptr(),
                                 .out = out.mutable_data_ptr()};
  const torch::Tensor moments = torch::empty({cpu::moment_floats(problem)}, torch::kFloat);
  const torch::Tensor factors = torch::empty({problem.images, 2, problem.channels}, torch::kFloat);
  const std::int64_t tasks = cpu::norm_tasks(problem);
  const std::int64_t elements = input.numel() / tasks;
  for_each_task(tasks, grain(elements), [&](std::int64_t task) {
    cpu::take_moments(problem, moments.mutable_data_ptr<float>(), task);
  });
  for (std::int64_t image = 0; image < problem.images; ++image) {
    cpu::factors_of(problem, moments.const_data_ptr<float>(),
                    factors.mutable_data_ptr<float>() + image * 2 * problem.channels, image);
  }
  for_each_task(tasks, grain(elements),
                [&](std::int64_t task) { cpu::normalise(problem, factors.const_data_ptr<float>(), task); });
  return out;
}

bool cpu_gate_fits(const torch::Tensor& x) { return x.size(-1) % (2 * kLanes) == 0 && can_take(x); }

torch::Tensor cpu_gate(const torch::Tensor& x) {
  const torch::Tensor input = x.contiguous();
  std::vector<std::int64_t> shape = input.sizes().vec();
  shape.back() /= 2;
  torch::Tensor out = torch::empty(shape, input.options());
  const std::int64_t width = shape.back();
  for_each_task(out.numel() / width, grain(width), [&](std::int64_t row) {
    cpu::gate_row(element_of(input), input.const_data_ptr(), out.mutable_data_ptr(), width, row);
  });
  return out;
}

}  // namespace medisyn
