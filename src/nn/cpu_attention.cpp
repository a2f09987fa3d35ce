#include "medisyn/nn/cpu_attention.h"

#include <ATen/record_function.h>
#include <torch/csrc/autograd/custom_function.h>

#include <array>
#include <cmath>

#include "cpu_tasks.h"
#include "cpu_tensor.h"

namespace medisyn {
namespace {

constexpr std::int64_t kMostTrainedWidth = 512;  // of a head

/// [B, L, heads * d] whose last dimension lies in one piece
torch::Tensor with_whole_rows(const torch::Tensor& x) { return x.stride(2) == 1 ? x : x.contiguous(); }

cpu::HeadStrides strides_of(const torch::Tensor& x, std::int64_t head_width) {
  return {.image = x.stride(0), .token = x.stride(1), .head = head_width};
}

torch::Tensor bytes(std::int64_t count) { return torch::empty({count}, torch::kUInt8); }

/// Everything of [B, L, heads * d] whose rows are whole.
cpu::AttentionProblem problem_of(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                                 const torch::Tensor& out, const torch::Tensor& softmax, std::int64_t heads) {
  const std::int64_t width = q.size(2) / heads;
  return {.element = element_of(q),
          .images = q.size(0),
          .heads = heads,
          .queries = q.size(1),
          .keys = k.size(1),
          .width = width,
          .scale = static_cast<float>(1 / std::sqrt(static_cast<double>(width))),
          .query = q.const_data_ptr(),
          .key = k.const_data_ptr(),
          .value = v.const_data_ptr(),
          .query_strides = strides_of(q, width),
          .key_strides = strides_of(k, width),
          .value_strides = strides_of(v, width),
          .out = out.data_ptr(),
          .out_strides = strides_of(out, width),
          .softmax = softmax.defined() ? softmax.data_ptr<float>() : nullptr};
}

/// Calls task(scratch, i) for each i; a thread's scratch is its own.
template <class Task>
void for_each_task_with_scratch(std::int64_t count, std::int64_t scratch_bytes, Task task) {
  at::parallel_for(0, count, 1, [&](std::int64_t begin, std::int64_t end) {
    const torch::Tensor scratch = bytes(scratch_bytes);
    for (std::int64_t i = begin; i < end; ++i) {
      task(scratch.data_ptr(), i);
    }
  });
}

/// `softmax` is undefined, or for the backward pass [B, heads, Lq, 2].
torch::Tensor attend_forward(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                             const torch::Tensor& softmax, std::int64_t heads) {
  torch::Tensor out = torch::empty(q.sizes(), q.options());
  const cpu::AttentionProblem problem = problem_of(q, k, v, out, softmax, heads);
  const torch::Tensor packed = bytes(cpu::packed_bytes(problem));
  for_each_task(cpu::pack_tasks(problem), 1, [&](std::int64_t task) {
    cpu::pack_keys_and_values(problem, packed.mutable_data_ptr(), task);
  });
  for_each_task_with_scratch(cpu::attend_tasks(problem), cpu::scratch_bytes(problem),
                             [&](void* scratch, std::int64_t task) {
                               cpu::attend_tile(problem, packed.const_data_ptr(), scratch, task);
                             });
  return out;
}

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

class AttentionFunction : public torch::autograd::Function<AttentionFunction> {
 public:
  static torch::Tensor forward(AutogradContext* context, const torch::Tensor& q, const torch::Tensor& k,
                               const torch::Tensor& v, std::int64_t heads) {
    const torch::Tensor softmax =
        torch::empty({q.size(0), heads, q.size(1), 2}, q.options().dtype(torch::kFloat));
    torch::Tensor out = attend_forward(q, k, v, softmax, heads);
    context->save_for_backward({q, k, v, out, softmax});
    context->saved_data["heads"] = heads;
    return out;
  }

  static variable_list backward(AutogradContext* context, const variable_list& gradients) {
    const variable_list saved = context->get_saved_variables();
    const torch::Tensor& q = saved[0];
    const torch::Tensor& k = saved[1];
    const std::int64_t heads = context->saved_data["heads"].toInt();
    const torch::Tensor of_out = with_whole_rows(gradients[0]);
    const torch::Tensor of_q = torch::empty(q.sizes(), q.options());
    const torch::Tensor of_k = torch::empty(k.sizes(), k.options());
    const torch::Tensor of_v = torch::empty(k.sizes(), k.options());
    const std::int64_t width = q.size(2) / heads;
    const cpu::AttentionGradient gradient{.problem = problem_of(q, k, saved[2], saved[3], saved[4], heads),
                                          .out = of_out.const_data_ptr(),
                                          .query = of_q.data_ptr(),
                                          .key = of_k.data_ptr(),
                                          .value = of_v.data_ptr(),
                                          .out_strides = strides_of(of_out, width),
                                          .query_strides = strides_of(of_q, width),
                                          .key_strides = strides_of(of_k, width)};
    for_each_task_with_scratch(
        q.size(0) * heads, cpu::gradient_scratch_bytes(gradient.problem),
        [&](void* scratch, std::int64_t task) { cpu::attend_backward(gradient, scratch, task); });
    return {of_q, of_k, of_v, {}};
  }
};

bool need_gradients(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value) {
  return needs_gradient(query) || needs_gradient(key) || needs_gradient(value);
}

}  // namespace

bool cpu_attention_fits(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                        std::int64_t heads) {
  const torch::ScalarType dtype = query.scalar_type();
  // The backward pass goes by heads.
  const bool is_worth_it =
      !need_gradients(query, key, value) ||
      (query.size(0) * heads >= at::get_num_threads() && query.size(2) / heads <= kMostTrainedWidth);
  return has_cpu_kernels(query) && key.scalar_type() == dtype && value.scalar_type() == dtype &&
         key.size(1) > 0 && is_worth_it;
}

torch::Tensor cpu_attention(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                            std::int64_t heads) {
  const std::int64_t width = query.size(2) / heads;
  TORCH_CHECK(query.dim() == 3 && width * heads == query.size(2) && key.size(0) == query.size(0) &&
                  key.size(2) == query.size(2) && value.sizes() == key.sizes(),
              "attention of ", heads, " heads over ", query.sizes(), ", ", key.sizes(), ", ", value.sizes());
  // As torch's operators do: for FlopCounter and for profilers.
  RECORD_FUNCTION("medisyn::cpu_attention", (std::array<c10::IValue, 3>{query, key, value}));
  const torch::Tensor q = with_whole_rows(query);
  const torch::Tensor k = with_whole_rows(key);
  const torch::Tensor v = with_whole_rows(value);
  return need_gradients(query, key, value) ? AttentionFunction::apply(q, k, v, heads)
                                           : attend_forward(q, k, v, {}, heads);
}

}  // namespace medisyn
