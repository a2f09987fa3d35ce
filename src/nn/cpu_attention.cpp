#include "medisyn/nn/cpu_attention.h"

#include <ATen/record_function.h>

#include <array>
#include <cmath>

#include "cpu_tasks.h"
#include "cpu_tensor.h"

namespace medisyn {
namespace {

/// [B, L, heads * d] whose last dimension lies in one piece
torch::Tensor with_whole_rows(const torch::Tensor& x) { return x.stride(2) == 1 ? x : x.contiguous(); }

cpu::HeadStrides strides_of(const torch::Tensor& x, std::int64_t head_width) {
  return {.image = x.stride(0), .token = x.stride(1), .head = head_width};
}

torch::Tensor bytes(std::int64_t count) { return torch::empty({count}, torch::kUInt8); }

}  // namespace

bool cpu_attention_fits(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value) {
  const torch::ScalarType dtype = query.scalar_type();
  return has_cpu_kernels(query) && key.scalar_type() == dtype && value.scalar_type() == dtype &&
         key.size(1) > 0 && !needs_gradient(query) && !needs_gradient(key) && !needs_gradient(value);
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
  torch::Tensor out = torch::empty(q.sizes(), q.options());
  const cpu::AttentionProblem problem{.element = element_of(q),
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
                                      .out = out.mutable_data_ptr(),
                                      .out_strides = strides_of(out, width)};
  const torch::Tensor packed = bytes(cpu::packed_bytes(problem));
  for_each_task(cpu::pack_tasks(problem), 1, [&](std::int64_t task) {
    cpu::pack_keys_and_values(problem, packed.mutable_data_ptr(), task);
  });
  at::parallel_for(0, cpu::attend_tasks(problem), 1, [&](std::int64_t begin, std::int64_t end) {
    const torch::Tensor scratch = bytes(cpu::scratch_bytes(problem));
    for (std::int64_t task = begin; task < end; ++task) {
      cpu::attend_tile(problem, packed.const_data_ptr(), scratch.mutable_data_ptr(), task);
    }
  });
  return out;
}

}  // namespace medisyn
