#include "medisyn/nn/cpu_elementwise_kernel.h"

#include "avx512.h"

namespace medisyn::cpu {
namespace {

constexpr Size kBlockPixels = 64;  // of 320 bf16 channels: 40 kB

/// The pixels of a task.
struct Block {
  Block(const NormProblem& problem, Size task)
      : image(task / divide_up(problem.pixels, kBlockPixels)),
        first(task % divide_up(problem.pixels, kBlockPixels) * kBlockPixels),
        pixels(smaller(kBlockPixels, problem.pixels - first)),
        offset((image * problem.pixels + first) * problem.channels) {}

  Size image;
  Size first;
  Size pixels;
  Size offset;  // of the first element
};

/// Mean and then the squared deviations from it, 16 channels at a time: a block stays in the cache between.
template <class Type>
void take_moments_of(const NormProblem& problem, float* moments, Size task) {
  const Block block(problem, task);
  const Type* x = static_cast<const Type*>(problem.x) + block.offset;
  float* means = moments + task * 2 * problem.channels;
  float* deviations = means + problem.channels;
  const __m512 share = _mm512_set1_ps(1 / static_cast<float>(block.pixels));
  for (Size channel = 0; channel < problem.channels; channel += kLanes) {
    __m512 sum = _mm512_setzero_ps();
    for (Size pixel = 0; pixel < block.pixels; ++pixel) {
      sum = _mm512_add_ps(sum, read(x + pixel * problem.channels + channel));
    }
    const __m512 mean = _mm512_mul_ps(sum, share);
    __m512 squares = _mm512_setzero_ps();
    for (Size pixel = 0; pixel < block.pixels; ++pixel) {
      const __m512 deviation = _mm512_sub_ps(read(x + pixel * problem.channels + channel), mean);
      squares = _mm512_fmadd_ps(deviation, deviation, squares);
    }
    _mm512_storeu_ps(means + channel, mean);
    _mm512_storeu_ps(deviations + channel, squares);
  }
}

struct Moments {
  double mean;
  double variance;
};

/// Of a group of an image, out of those of its blocks and channels:
/// sum (x - mean)^2 = sum over parts of (squared deviations in the part + pixels (mean of the part -
/// mean)^2).
Moments group_moments(const NormProblem& problem, const float* moments, Size image, Size group) {
  const Size blocks = divide_up(problem.pixels, kBlockPixels);
  const Size width = problem.channels / problem.groups;
  const auto sum_parts = [&](auto part) {
    double sum = 0;
    for (Size i = 0; i < blocks; ++i) {
      const float* means = moments + (image * blocks + i) * 2 * problem.channels + group * width;
      const auto pixels = static_cast<double>(smaller(kBlockPixels, problem.pixels - i * kBlockPixels));
      for (Size channel = 0; channel < width; ++channel) {
        sum += part(static_cast<double>(means[channel]),
                    static_cast<double>(means[problem.channels + channel]), pixels);
      }
    }
    return sum / static_cast<double>(problem.pixels * width);
  };
  const double mean = sum_parts([](double part, double, double pixels) { return pixels * part; });
  const double variance = sum_parts([mean](double part, double squares, double pixels) {
    return squares + pixels * (part - mean) * (part - mean);
  });
  return {.mean = mean, .variance = variance};
}

float scalar(const float* from) { return *from; }
float scalar(const std::uint16_t* from) {
  return __builtin_bit_cast(float, static_cast<unsigned>(*from) << 16);
}

template <class Type>
void factors_with(const NormProblem& problem, const float* moments, float* factors, Size image) {
  const Size width = problem.channels / problem.groups;
  for (Size group = 0; group < problem.groups; ++group) {
    const Moments found = group_moments(problem, moments, image, group);
    const double scale = 1 / __builtin_sqrt(found.variance + problem.eps);
    for (Size channel = group * width; channel < (group + 1) * width; ++channel) {
      const double factor =
          scale * static_cast<double>(scalar(static_cast<const Type*>(problem.weight) + channel));
      factors[channel] = static_cast<float>(factor);
      factors[problem.channels + channel] =
          static_cast<float>(static_cast<double>(scalar(static_cast<const Type*>(problem.bias) + channel)) -
                             found.mean * factor);
    }
  }
}

template <int Degree>
__m512 silu(__m512 x) {
  const __m512 power = exp2<Degree>(_mm512_mul_ps(x, _mm512_set1_ps(-kLog2E)));
  return _mm512_div_ps(x, _mm512_add_ps(_mm512_set1_ps(1), power));
}

template <class Type>
void normalise_block(const NormProblem& problem, const float* factors, Size task) {
  constexpr int kDegree = sizeof(Type) == sizeof(float) ? 6 : 4;
  const Block block(problem, task);
  const Type* x = static_cast<const Type*>(problem.x) + block.offset;
  Type* out = static_cast<Type*>(problem.out) + block.offset;
  const float* scale = factors + block.image * 2 * problem.channels;
  const float* shift = scale + problem.channels;
  for (Size pixel = 0; pixel < block.pixels; ++pixel, x += problem.channels, out += problem.channels) {
    for (Size channel = 0; channel < problem.channels; channel += kLanes) {
      const __m512 y = _mm512_fmadd_ps(read(x + channel), _mm512_loadu_ps(scale + channel),
                                       _mm512_loadu_ps(shift + channel));
      write(out + channel, problem.has_silu ? silu<kDegree>(y) : y);
    }
  }
}

/// x Phi(x), with 1 - Phi(|x|) by Abramowitz & Stegun, 7.1.26 (error 0.75e-7).
template <int Degree>
__m512 gelu(__m512 x) {
  constexpr float kP = 0.3275911F;
  constexpr float kA[] = {0.254829592F, -0.284496736F, 1.421413741F, -1.453152027F, 1.061405429F};
  constexpr float kHalfRoot = 0.707106781F;
  const __m512 one = _mm512_set1_ps(1);
  const __m512 z = _mm512_abs_ps(_mm512_mul_ps(x, _mm512_set1_ps(kHalfRoot)));
  const __m512 t = _mm512_div_ps(one, _mm512_fmadd_ps(z, _mm512_set1_ps(kP), one));
  __m512 sum = _mm512_set1_ps(kA[4]);
  for (int k = 3; k >= 0; --k) {
    sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(kA[k]));
  }
  const __m512 power = exp2<Degree>(_mm512_mul_ps(_mm512_mul_ps(z, z), _mm512_set1_ps(-kLog2E)));
  const __m512 upper = _mm512_mul_ps(_mm512_mul_ps(_mm512_mul_ps(sum, t), power), _mm512_set1_ps(0.5F));
  const __mmask16 is_negative = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_LT_OQ);
  return _mm512_mul_ps(x, _mm512_mask_mov_ps(_mm512_sub_ps(one, upper), is_negative, upper));
}

template <class Type>
void gate_row_of(const Type* x, Type* out, Size width) {
  constexpr int kDegree = sizeof(Type) == sizeof(float) ? 6 : 4;
  for (Size i = 0; i < width; i += kLanes) {
    write(out + i, _mm512_mul_ps(read(x + i), gelu<kDegree>(read(x + width + i))));
  }
}

}  // namespace

Size norm_tasks(const NormProblem& problem) {
  return problem.images * divide_up(problem.pixels, kBlockPixels);
}

Size moment_floats(const NormProblem& problem) { return norm_tasks(problem) * 2 * problem.channels; }

void take_moments(const NormProblem& problem, float* moments, Size task) {
  with_elements(problem.element, [&]<class Type>(Type) { take_moments_of<Type>(problem, moments, task); });
}

void factors_of(const NormProblem& problem, const float* moments, float* factors, Size image) {
  with_elements(problem.element,
                [&]<class Type>(Type) { factors_with<Type>(problem, moments, factors, image); });
}

void normalise(const NormProblem& problem, const float* factors, Size task) {
  with_elements(problem.element, [&]<class Type>(Type) { normalise_block<Type>(problem, factors, task); });
}

void gate_row(Element element, const void* x, void* out, Size width, Size row) {
  with_elements(element, [&]<class Type>(Type) {
    gate_row_of(static_cast<const Type*>(x) + row * 2 * width, static_cast<Type*>(out) + row * width, width);
  });
}

}  // namespace medisyn::cpu
