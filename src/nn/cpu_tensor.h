// Which tensors the AVX-512 files can take.
#pragma once

#include <torch/types.h>

#include "medisyn/nn/cpu_attention_kernel.h"

namespace medisyn {

inline cpu::Element element_of(const torch::Tensor& tensor) {
  return tensor.scalar_type() == torch::kFloat ? cpu::Element::kFloat : cpu::Element::kBFloat16;
}

/// fp32 or bf16, on a CPU with the instructions for it.
inline bool has_cpu_kernels(const torch::Tensor& tensor) {
  const torch::ScalarType dtype = tensor.scalar_type();
  return tensor.is_cpu() && (dtype == torch::kFloat || dtype == torch::kBFloat16) &&
         cpu::has_instructions(element_of(tensor));
}

/// Kernels and packed weights give no gradients.
inline bool needs_gradient(const torch::Tensor& tensor) {
  return at::GradMode::is_enabled() && tensor.requires_grad();
}

}  // namespace medisyn
