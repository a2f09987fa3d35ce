// Passes over activations without gradients on CPUs with AVX-512, fused so that each is read and written
// once.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace medisyn {

struct GroupNormOptions {
  std::int64_t groups;
  double eps;
  bool has_silu;  ///< SiLU of the result
};

/// Whether cpu_group_norm() can take it: channels-last images of 16 n channels on a CPU with AVX-512, fp32 or
/// bf16 like the weight, and no gradient to come.
bool cpu_group_norm_fits(const torch::Tensor& input, const torch::Tensor& weight);

/// GroupNorm (and SiLU) of [B, C, H, W]; moments in fp32 by blocks, which are put together in fp64.
torch::Tensor cpu_group_norm(const torch::Tensor& input, const torch::Tensor& weight,
                             const torch::Tensor& bias, const GroupNormOptions& options);

/// Whether cpu_gate() can take it: on a CPU with AVX-512, fp32 or bf16, 32 n wide, and no gradient to come.
bool cpu_gate_fits(const torch::Tensor& x);

/// a * GELU(g) of the halves a, g of the last dimension. [..., 2 D] -> [..., D]
torch::Tensor cpu_gate(const torch::Tensor& x);

}  // namespace medisyn
