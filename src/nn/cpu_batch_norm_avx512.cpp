#include "medisyn/nn/cpu_batch_norm_kernel.h"

#include "avx512.h"

namespace medisyn::cpu {
namespace {

constexpr Size kBlockElements = 32768;  // 128 kB of fp32: stays in the cache between two readings
constexpr Size kLeastRows = 8;

Size block_rows(const BatchNormProblem& problem) {
  const Size rows = kBlockElements / problem.channels;
  return rows < kLeastRows ? kLeastRows : rows;
}

/// The rows of a task.
struct Block {
  Block(const BatchNormProblem& problem, Size task)
      : first(task * block_rows(problem)),
        rows(smaller(block_rows(problem), problem.rows - first)),
        offset(first * problem.channels),
        groups(divide_up(problem.channels, kLanes)) {}

  Size first;
  Size rows;
  Size offset;  // of the first element
  Size groups;  // of channels
};

/// All 16 channels, or those that are left.
__mmask16 lanes(const BatchNormProblem& problem, Size channel) {
  const Size left = problem.channels - channel;
  return left >= kLanes ? 0xFFFF : static_cast<__mmask16>((1U << left) - 1U);
}

template <class Type>
void take_moments_of(const BatchNormProblem& problem, float* sums, Size task) {
  const Block block(problem, task);
  const Type* x = static_cast<const Type*>(problem.x) + block.offset;
  float* means = sums + task * 2 * problem.channels;
  float* deviations = means + problem.channels;
  const __m512 share = _mm512_set1_ps(1 / static_cast<float>(block.rows));
  for (Size channel = 0; channel < problem.channels; channel += kLanes) {
    const __mmask16 mask = lanes(problem, channel);
    __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (Size row = 0; row < block.rows; ++row) {
      __m512& part = sum[row & 1];
      part = _mm512_add_ps(part, read(x + row * problem.channels + channel, mask));
    }
    const __m512 mean = _mm512_mul_ps(_mm512_add_ps(sum[0], sum[1]), share);
    __m512 squares[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (Size row = 0; row < block.rows; ++row) {
      const __m512 deviation = _mm512_sub_ps(read(x + row * problem.channels + channel, mask), mean);
      __m512& part = squares[row & 1];
      part = _mm512_fmadd_ps(deviation, deviation, part);
    }
    write(means + channel, mean, mask);
    write(deviations + channel, _mm512_add_ps(squares[0], squares[1]), mask);
  }
}

/// g of 16 channels: the gradient where the activation let it pass. `group` counts through the whole of
/// problem.passed.
template <class Type>
__m512 passed_gradient(const BatchNormProblem& problem, const Type* gradient, Size group, __mmask16 mask) {
  return read(gradient, problem.has_activation ? static_cast<__mmask16>(mask & problem.passed[group]) : mask);
}

/// A pointer that may be null, moved on.
template <class Type>
Type* moved(void* pointer, Size elements) {
  return pointer == nullptr ? nullptr : static_cast<Type*>(pointer) + elements;
}
template <class Type>
const Type* moved(const void* pointer, Size elements) {
  return pointer == nullptr ? nullptr : static_cast<const Type*>(pointer) + elements;
}

template <class Type>
void take_sums_of(const BatchNormProblem& problem, const float* means, float* sums, Size task) {
  const Block block(problem, task);
  const Type* x = static_cast<const Type*>(problem.x) + block.offset;
  const Type* gradient = static_cast<const Type*>(problem.gradient) + block.offset;
  float* plain = sums + task * 2 * problem.channels;
  float* weighted = plain + problem.channels;
  for (Size channel = 0; channel < problem.channels; channel += kLanes) {
    const __mmask16 mask = lanes(problem, channel);
    const __m512 mean = read(means + channel, mask);
    __m512 sum[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    __m512 product[2] = {_mm512_setzero_ps(), _mm512_setzero_ps()};
    for (Size row = 0; row < block.rows; ++row) {
      const Size at = row * problem.channels + channel;
      const __m512 g = passed_gradient(problem, gradient + at,
                                       (block.first + row) * block.groups + channel / kLanes, mask);
      const __m512 deviation = _mm512_sub_ps(read(x + at, mask), mean);
      sum[row & 1] = _mm512_add_ps(sum[row & 1], g);
      product[row & 1] = _mm512_fmadd_ps(g, deviation, product[row & 1]);
    }
    write(plain + channel, _mm512_add_ps(sum[0], sum[1]), mask);
    write(weighted + channel, _mm512_add_ps(product[0], product[1]), mask);
  }
}

template <class Type>
void apply_to(const BatchNormProblem& problem, const float* scale, Size task) {
  const Block block(problem, task);
  const float* shift = scale + problem.channels;
  const __m512 zero = _mm512_setzero_ps();
  const __m512 ceiling = _mm512_set1_ps(problem.ceiling);
  Size group = block.first * block.groups;
  for (Size row = 0; row < block.rows; ++row) {
    const Size start = block.offset + row * problem.channels;
    const Type* x = static_cast<const Type*>(problem.x) + start;
    const Type* residual = moved<Type>(problem.residual, start);
    Type* out = static_cast<Type*>(problem.out) + start;
    for (Size channel = 0; channel < problem.channels; channel += kLanes) {
      const __mmask16 mask = lanes(problem, channel);
      __m512 y =
          _mm512_fmadd_ps(read(x + channel, mask), read(scale + channel, mask), read(shift + channel, mask));
      if (residual != nullptr) {
        y = _mm512_add_ps(y, read(residual + channel, mask));
      }
      if (problem.has_activation) {
        const __mmask16 is_above = _mm512_cmp_ps_mask(y, zero, _CMP_GT_OQ);
        problem.passed[group++] = _mm512_mask_cmp_ps_mask(is_above, y, ceiling, _CMP_LT_OQ);
        y = _mm512_min_ps(ceiling, _mm512_max_ps(zero, y));  // NaN stays
      }
      write(out + channel, y, mask);
    }
  }
}

template <class Type>
void apply_gradient_to(const BatchNormProblem& problem, const float* a, Size task) {
  const Block block(problem, task);
  const float* b = a + problem.channels;
  const float* c = b + problem.channels;
  Size group = block.first * block.groups;
  for (Size row = 0; row < block.rows; ++row) {
    const Size start = block.offset + row * problem.channels;
    const Type* x = static_cast<const Type*>(problem.x) + start;
    const Type* gradient = static_cast<const Type*>(problem.gradient) + start;
    Type* out = static_cast<Type*>(problem.out) + start;
    Type* residual = moved<Type>(problem.residual_gradient, start);
    for (Size channel = 0; channel < problem.channels; channel += kLanes, ++group) {
      const __mmask16 mask = lanes(problem, channel);
      const __m512 g = passed_gradient(problem, gradient + channel, group, mask);
      const __m512 of_x =
          _mm512_fmadd_ps(read(x + channel, mask), read(b + channel, mask), read(c + channel, mask));
      write(out + channel, _mm512_fmadd_ps(g, read(a + channel, mask), of_x), mask);
      if (residual != nullptr) {
        write(residual + channel, g, mask);
      }
    }
  }
}

}  // namespace

Size batch_norm_tasks(const BatchNormProblem& problem) {
  return divide_up(problem.rows, block_rows(problem));
}

Size batch_norm_sums(const BatchNormProblem& problem) {
  return batch_norm_tasks(problem) * 2 * problem.channels;
}

void take_batch_moments(const BatchNormProblem& problem, float* sums, Size task) {
  with_elements(problem.element, [&]<class Type>(Type) { take_moments_of<Type>(problem, sums, task); });
}

void join_batch_moments(const BatchNormProblem& problem, const float* sums, double* means,
                        double* variances) {
  const Size tasks = batch_norm_tasks(problem);
  const auto all = static_cast<double>(problem.rows);
  const auto for_each_part = [&](auto function) {
    for (Size task = 0; task < tasks; ++task) {
      const float* part = sums + task * 2 * problem.channels;
      const auto rows = static_cast<double>(Block(problem, task).rows);
      for (Size channel = 0; channel < problem.channels; ++channel) {
        function(channel, static_cast<double>(part[channel]),
                 static_cast<double>(part[problem.channels + channel]), rows);
      }
    }
  };
  for (Size channel = 0; channel < problem.channels; ++channel) {
    means[channel] = variances[channel] = 0;
  }
  for_each_part([&](Size channel, double mean, double, double rows) { means[channel] += mean * rows / all; });
  for_each_part([&](Size channel, double mean, double squares, double rows) {
    const double apart = mean - means[channel];
    variances[channel] += (squares + rows * apart * apart) / all;
  });
}

void apply_batch_norm(const BatchNormProblem& problem, const float* factors, Size task) {
  with_elements(problem.element, [&]<class Type>(Type) { apply_to<Type>(problem, factors, task); });
}

void take_gradient_sums(const BatchNormProblem& problem, const float* means, float* sums, Size task) {
  with_elements(problem.element, [&]<class Type>(Type) { take_sums_of<Type>(problem, means, sums, task); });
}

void join_gradient_sums(const BatchNormProblem& problem, const float* sums, double* plain, double* weighted) {
  for (Size channel = 0; channel < problem.channels; ++channel) {
    plain[channel] = weighted[channel] = 0;
  }
  for (Size task = 0; task < batch_norm_tasks(problem); ++task) {
    const float* part = sums + task * 2 * problem.channels;
    for (Size channel = 0; channel < problem.channels; ++channel) {
      plain[channel] += static_cast<double>(part[channel]);
      weighted[channel] += static_cast<double>(part[problem.channels + channel]);
    }
  }
}

void apply_batch_norm_gradient(const BatchNormProblem& problem, const float* factors, Size task) {
  with_elements(problem.element, [&]<class Type>(Type) { apply_gradient_to<Type>(problem, factors, task); });
}

}  // namespace medisyn::cpu
