#include "medisyn/nn/flop_counter.h"

#include <ATen/record_function.h>
#include <torch/types.h>

#include <memory>
#include <string_view>
#include <unordered_map>

namespace medisyn {
namespace {

using Inputs = c10::ArrayRef<c10::IValue>;
/// The multiply-adds of an operator, from its inputs.
using Rule = std::int64_t (*)(Inputs inputs);

/// a [..., K] times a matrix of N columns: every element of `a` meets all of them.
template <std::size_t kA>
std::int64_t product(Inputs inputs) {
  return inputs[kA].toTensor().numel() * inputs[kA + 1].toTensor().size(-1);
}

/// A matrix, or a vector, times a vector.
template <std::size_t kA>
std::int64_t product_with_vector(Inputs inputs) {
  return inputs[kA].toTensor().numel();
}

/// x [..., in], weight [out, in]
std::int64_t linear(Inputs inputs) { return inputs[0].toTensor().numel() * inputs[1].toTensor().size(0); }

/// query [..., Lq, d], key [..., Lk, d], value [..., Lk, dv]; heads lie in front or within d
std::int64_t attention(Inputs inputs) {
  const std::int64_t width = inputs[0].toTensor().size(-1);
  const std::int64_t queries = inputs[0].toTensor().numel() / width;
  return queries * inputs[1].toTensor().size(-2) * (width + inputs[2].toTensor().size(-1));
}

struct Window {
  std::vector<std::int64_t> stride, padding, dilation;  ///< one for all dimensions, or one a dimension
};

std::int64_t entry(const std::vector<std::int64_t>& list, std::int64_t dimension) {
  return list.size() == 1 ? list[0] : list.at(static_cast<std::size_t>(dimension));
}

/// x [B, in, H, W], weight [out, in / groups, kernel, kernel]: each of the B H' W' pixels meets the whole
/// weight.
std::int64_t windows(const torch::Tensor& x, const torch::Tensor& weight, const Window& window) {
  std::int64_t pixels = x.size(0);
  for (std::int64_t i = 0; i < weight.dim() - 2; ++i) {
    const std::int64_t reach = entry(window.dilation, i) * (weight.size(i + 2) - 1) + 1;
    pixels *= (x.size(i + 2) + 2 * entry(window.padding, i) - reach) / entry(window.stride, i) + 1;
  }
  return pixels * weight.numel();
}

/// input, weight, bias, stride, padding, dilation, transposed, output_padding, groups
std::int64_t convolution(Inputs inputs) {
  const torch::Tensor& x = inputs[0].toTensor();
  const torch::Tensor& weight = inputs[1].toTensor();
  if (inputs[6].toBool()) {  // transposed; weight [in, out / groups, kernel, kernel]
    return x.numel() * (weight.numel() / weight.size(0));
  }
  return windows(x, weight,
                 {.stride = inputs[3].toIntVector(),
                  .padding = inputs[4].toIntVector(),
                  .dilation = inputs[5].toIntVector()});
}

/// The number itself.
std::int64_t given(Inputs inputs) { return inputs[0].toInt(); }

/// The operators that everything else (matmul, einsum, conv2d, ...) comes to, whatever kernel they pick.
const std::unordered_map<std::string_view, Rule>& rules() {
  static const std::unordered_map<std::string_view, Rule> kRules = {
      {"aten::mm", product<0>},
      {"aten::bmm", product<0>},
      {"aten::addmm", product<1>},
      {"aten::addmm_", product<1>},
      {"aten::_addmm_activation", product<1>},
      {"aten::addbmm", product<1>},
      {"aten::addbmm_", product<1>},
      {"aten::baddbmm", product<1>},
      {"aten::baddbmm_", product<1>},
      {"aten::mv", product_with_vector<0>},
      {"aten::dot", product_with_vector<0>},
      {"aten::vdot", product_with_vector<0>},
      {"aten::addmv", product_with_vector<1>},
      {"aten::addmv_", product_with_vector<1>},
      {"aten::linear", linear},
      {"aten::convolution", convolution},
      {"aten::_convolution", convolution},
      {"aten::scaled_dot_product_attention", attention},
      {"aten::_scaled_dot_product_attention_math", attention},
      {"aten::_scaled_dot_product_flash_attention", attention},
      {"aten::_scaled_dot_product_flash_attention_for_cpu", attention},
      {"aten::_scaled_dot_product_efficient_attention", attention},
      {"aten::_scaled_dot_product_cudnn_attention", attention},
      {"aten::_scaled_dot_product_fused_attention_overrideable", attention},
      {"medisyn::cpu_attention", attention},
      {"medisyn::packed_product", given},
      {"medisyn::trained_linear", linear}};
  return kRules;
}

struct ThisThread {
  std::int64_t flops = 0;
  int counters = 0;
  int depth = 0;  ///< of operators that have a rule, and of nodes of a backward pass, around what runs now
  at::CallbackHandle callback = at::INVALID_CALLBACK_HANDLE;
};
thread_local ThisThread this_thread;

struct Entered : at::ObserverContext {};

std::unique_ptr<at::ObserverContext> enter(const at::RecordFunction& function) {
  if (this_thread.counters == 0) {  // a thread of the autograd engine, which takes callbacks along
    return nullptr;
  }
  if (function.scope() == at::RecordScope::FUNCTION) {
    const auto rule = rules().find(function.name());
    if (rule == rules().end()) {
      return nullptr;
    }
    if (this_thread.depth == 0) {
      this_thread.flops += 2 * rule->second(function.inputs());
    }
  }
  ++this_thread.depth;
  return std::make_unique<Entered>();
}

void leave(const at::RecordFunction&, at::ObserverContext* entered) {
  if (entered != nullptr) {
    --this_thread.depth;
  }
}

}  // namespace

FlopCounter::FlopCounter() : start_(this_thread.flops) {
  if (this_thread.counters++ == 0) {
    this_thread.callback = at::addThreadLocalCallback(
        at::RecordFunctionCallback(enter, leave)
            .needsInputs(true)
            .scopes({at::RecordScope::FUNCTION, at::RecordScope::BACKWARD_FUNCTION}));
  }
}

FlopCounter::~FlopCounter() {
  if (--this_thread.counters == 0) {
    at::removeCallback(this_thread.callback);
  }
}

std::int64_t FlopCounter::flops() const { return this_thread.flops - start_; }

}  // namespace medisyn
