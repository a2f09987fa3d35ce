// The inner loops of batch_norm.h on plain pointers; compiled for AVX-512 like cpu_attention_kernel.h.
#pragma once

#include <cstdint>

#include "medisyn/nn/cpu_attention_kernel.h"

namespace medisyn::cpu {

/// Batch norm, a residual that is added, ReLU: of channels-last images, [rows, channels] with a row a pixel.
/// Pointers of what a pass does not use are null.
struct BatchNormProblem {
  Element element;
  std::int64_t rows, channels;
  bool has_activation;
  float ceiling;  ///< of the activation: 6 for ReLU6, else infinite
  const void *x, *residual, *gradient;
  void *out, *residual_gradient;
  std::uint16_t* passed;  ///< [rows, groups of 16 channels]: a bit where the activation's slope is 1
};

/// Each pass is split into so many tasks, each a block of rows.
std::int64_t batch_norm_tasks(const BatchNormProblem& problem);

/// Floats of a pass's sums: two a channel and task.
std::int64_t batch_norm_sums(const BatchNormProblem& problem);

/// Forward, 1: means and squared deviations of each block.
void take_batch_moments(const BatchNormProblem& problem, float* sums, std::int64_t task);
/// 2: of the whole batch, [channels] each; the variance is the biased one.
void join_batch_moments(const BatchNormProblem& problem, const float* sums, double* means, double* variances);
/// 3: out = activation(x * scale + shift + residual), and `passed`. `factors` [2, channels]
void apply_batch_norm(const BatchNormProblem& problem, const float* factors, std::int64_t task);

/// Backward, 1: sums of g and of g (x - mean) of each block, g the gradient where it passed.
void take_gradient_sums(const BatchNormProblem& problem, const float* means, float* sums, std::int64_t task);
/// 2: of the whole batch, [channels] each.
void join_gradient_sums(const BatchNormProblem& problem, const float* sums, double* plain, double* weighted);
/// 3: out = a g + b x + c, and g to residual_gradient. `factors` [3, channels]
void apply_batch_norm_gradient(const BatchNormProblem& problem, const float* factors, std::int64_t task);

}  // namespace medisyn::cpu
