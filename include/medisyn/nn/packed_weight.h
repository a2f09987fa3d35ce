// Linear and convolutional layers on a CPU with AVX-512, without gradients, on weights that are laid out for
// them once. On two cores (AMD Zen 5) products reach 970 GFLOP/s in bf16 and 490 in fp32, where oneDNN's
// reach 440 to 540 and 250; 3x3 convolutions by Winograd's method, counted as they are defined, twice that.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace medisyn {

struct PackedWeight {
  bool defined() const { return values.defined(); }

  torch::Tensor values = {};  ///< in the layout of cpu_product_kernel.h
  std::int64_t in = 0;
  std::int64_t out = 0;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t padding = 0;
  bool is_winograd = false;
};

/// Whether a weight [out, in, ...] can be packed: on a CPU with AVX-512, fp32 or (with AVX512_BF16, of an
/// even `in`) bf16.
bool packing_fits(const torch::Tensor& weight);

/// Of [out, in].
PackedWeight pack_linear(const torch::Tensor& weight);

/// Of [out, in, kernel, kernel]. 3x3 filters of stride 1 and padding 1 whose channels are multiples of 16 are
/// kept as Winograd's method reads them, which takes 16 numbers instead of 9; in fp32 the widest are not.
PackedWeight pack_conv2d(const torch::Tensor& weight, std::int64_t stride, std::int64_t padding);

/// [..., in] -> [..., out]. `bias` [out] may be undefined. Throws c10::Error for another dtype or width than
/// the weight's, and where the input wants a gradient.
torch::Tensor packed_linear(const torch::Tensor& input, const PackedWeight& weight,
                            const torch::Tensor& bias);

/// [B, in, H, W] -> [B, out, H', W'], channels-last.
torch::Tensor packed_conv2d(const torch::Tensor& input, const PackedWeight& weight,
                            const torch::Tensor& bias);

}  // namespace medisyn
