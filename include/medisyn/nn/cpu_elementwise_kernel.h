// The inner loops of cpu_elementwise.h on plain pointers; compiled for AVX-512 like cpu_attention_kernel.h.
#pragma once

#include <cstdint>

#include "medisyn/nn/cpu_attention_kernel.h"

namespace medisyn::cpu {

/// GroupNorm of channels-last images, [images, pixels, channels]; channels a multiple of 16.
struct NormProblem {
  Element element;
  std::int64_t images, pixels, channels, groups;
  double eps;
  bool has_silu;  ///< x * sigmoid(x) of the result
  const void *x, *weight, *bias;
  void* out;
};

/// 1. Each of norm_tasks() takes the means and squared deviations of a block of pixels, channel by channel.
std::int64_t norm_tasks(const NormProblem& problem);
std::int64_t moment_floats(const NormProblem& problem);
void take_moments(const NormProblem& problem, float* moments, std::int64_t task);

/// 2. What an image's channels are multiplied with and what is added then: [2, channels].
void factors_of(const NormProblem& problem, const float* moments, float* factors, std::int64_t image);

/// 3. Each of norm_tasks() writes its block. `factors` [images, 2, channels].
void normalise(const NormProblem& problem, const float* factors, std::int64_t task);

/// x [rows, 2 * width]: the first half of each row times GELU of the second -> out [rows, width]; width a
/// multiple of 16.
void gate_row(Element element, const void* x, void* out, std::int64_t width, std::int64_t row);

}  // namespace medisyn::cpu
