// Linear layers in fp32 that are trained on a CPU with AVX-512. On AMD torch's go through MKL's general
// sgemm: 105 GFLOP/s on two cores where these reach three to four times as much.
#pragma once

#include <torch/types.h>

namespace medisyn {

/// Whether trained_linear() takes this: fp32 without autocast on such a CPU, with gradients to come, at least
/// 16 rows, and widths that are multiples of 16.
bool trained_linear_fits(const torch::Tensor& input, const torch::Tensor& weight);

/// input [..., in], weight [out, in], bias [out] or undefined -> [..., out], differentiable once.
torch::Tensor trained_linear(const torch::Tensor& input, const torch::Tensor& weight,
                             const torch::Tensor& bias);

}  // namespace medisyn
