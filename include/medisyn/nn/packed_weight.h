// Weights in the layout that oneDNN's kernels read. torch's own linear and conv2d bring a weight into it at
// every call, or do without: packed, a linear layer of SD 1.4 takes 0.85 of the time in fp32 and 0.9 in bf16,
// a convolution at 16x16 pixels 0.65 and 0.85, one at 8x8 pixels 0.35 and 0.6.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace medisyn {

/// Whether a layer gains: on a CPU with AVX-512, fp32 or (with AVX512_BF16) bf16.
bool packing_fits(const torch::Tensor& weight);

struct PackedConvShape {
  std::int64_t kernel;
  std::int64_t stride;
  std::int64_t padding;
};

/// [out, in] and [out, in, kernel, kernel] -> opaque tensors for the functions below.
torch::Tensor pack_linear(const torch::Tensor& weight);
torch::Tensor pack_conv2d(const torch::Tensor& weight, const PackedConvShape& shape);

/// The layers on packed weights; without gradients. `bias` may be undefined.
torch::Tensor packed_linear(const torch::Tensor& input, const torch::Tensor& packed,
                            const torch::Tensor& bias);
torch::Tensor packed_conv2d(const torch::Tensor& input, const torch::Tensor& packed,
                            const torch::Tensor& bias, const PackedConvShape& shape);

}  // namespace medisyn
