#include "medisyn/eval/ms_ssim_kernels.h"

#include <array>
#include <cmath>
#include <numeric>
#include <vector>

// One copy of a function for each kind of processor, of which the program takes the best at its start.
// (AddressSanitizer is not ready yet when the choice is made.)
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(__SANITIZE_ADDRESS__)
#define MEDISYN_FOR_EACH_PROCESSOR \
  __attribute__((target_clones("default", "arch=x86-64-v3", "arch=x86-64-v4")))
#else
#define MEDISYN_FOR_EACH_PROCESSOR
#endif
#define MEDISYN_INLINE [[gnu::always_inline]] inline  // or it would be compiled for the oldest processor

namespace medisyn::ms_ssim_kernels {
namespace {

using Size = std::int64_t;

constexpr double kSigma = 1.5;
constexpr double kC1 = (0.01 * kRange) * (0.01 * kRange);
constexpr double kC2 = (0.03 * kRange) * (0.03 * kRange);

using Taps = std::array<double, kTaps>;

/// The Gaussian, sum 1.
const Taps& gaussian() {
  static const Taps kGaussian = [] {
    Taps taps{};
    for (std::size_t i = 0; i < taps.size(); ++i) {
      const double offset = static_cast<double>(i) - static_cast<double>(kTaps / 2);
      taps[i] = std::exp(-offset * offset / (2 * kSigma * kSigma));
    }
    const double sum = std::accumulate(taps.begin(), taps.end(), 0.0);
    for (double& tap : taps) {
      tap /= sum;
    }
    return taps;
  }();
  return kGaussian;
}

/// The last eleven rows of a plane, blurred along the row; W - 10 wide.
class Ring {
 public:
  explicit Ring(Size width) : width_(width), rows_(static_cast<std::size_t>(kTaps * width)) {}

  double* row(Size y) { return rows_.data() + y % kTaps * width_; }
  /// Rows y - 10 to y.
  std::array<const double*, kTaps> last(Size y) {
    std::array<const double*, kTaps> rows{};
    for (Size k = 0; k < kTaps; ++k) {
      rows[static_cast<std::size_t>(k)] = row(y - kLost + k);
    }
    return rows;
  }

 private:
  Size width_;
  std::vector<double> rows_;
};

/// row [out_width + 10] -> out [out_width]
MEDISYN_INLINE void blur_across(const double* __restrict row, const Taps& taps, Size out_width,
                                double* __restrict out) {
  for (Size x = 0; x < out_width; ++x) {
    double sum = 0;
#pragma GCC unroll 11
    for (std::size_t k = 0; k < kTaps; ++k) {
      sum += taps[k] * row[x + static_cast<Size>(k)];
    }
    out[x] = sum;
  }
}

/// rows [11, out_width] -> out [out_width]
MEDISYN_INLINE void blur_down(const std::array<const double*, kTaps>& rows, const Taps& taps, Size out_width,
                              double* __restrict out) {
  for (Size x = 0; x < out_width; ++x) {
    double sum = 0;
#pragma GCC unroll 11
    for (std::size_t k = 0; k < kTaps; ++k) {
      sum += taps[k] * rows[k][x];
    }
    out[x] = sum;
  }
}

/// One row of what two planes are compared by.
struct Rows {
  const double* product;  ///< blurred
  const float* mean_a;
  const float* mean_b;
  const float* variance_a;
  const float* variance_b;
};

MEDISYN_INLINE float contrast_structure(const Rows& at, Size x) {
  const double covariance =
      at.product[x] - static_cast<double>(at.mean_a[x]) * static_cast<double>(at.mean_b[x]);
  const double variances = static_cast<double>(at.variance_a[x]) + static_cast<double>(at.variance_b[x]);
  return static_cast<float>(2 * covariance + kC2) / static_cast<float>(variances + kC2);
}

MEDISYN_INLINE float luminance(const Rows& at, Size x) {
  const double a = static_cast<double>(at.mean_a[x]) + static_cast<double>(kCentre);
  const double b = static_cast<double>(at.mean_b[x]) + static_cast<double>(kCentre);
  return static_cast<float>(2 * a * b + kC1) / static_cast<float>(a * a + b * b + kC1);
}

}  // namespace

MEDISYN_FOR_EACH_PROCESSOR
void blur_moments(const float* values, Size height, Size width, float* mean, float* variance) {
  const Taps taps = gaussian();
  const Size out_width = width - kLost;
  Ring values_ring(out_width);
  Ring squares_ring(out_width);
  std::vector<double> row(static_cast<std::size_t>(width));
  std::vector<double> squares(row.size());
  for (Size y = 0; y < height; ++y) {
    const float* in = values + y * width;
    for (Size x = 0; x < width; ++x) {
      const double value = in[x];
      row[static_cast<std::size_t>(x)] = value;
      squares[static_cast<std::size_t>(x)] = value * value;
    }
    blur_across(row.data(), taps, out_width, values_ring.row(y));
    blur_across(squares.data(), taps, out_width, squares_ring.row(y));
    if (y < kLost) {
      continue;
    }
    blur_down(values_ring.last(y), taps, out_width, row.data());
    blur_down(squares_ring.last(y), taps, out_width, squares.data());
    float* __restrict mean_out = mean + (y - kLost) * out_width;
    float* __restrict variance_out = variance + (y - kLost) * out_width;
    for (Size x = 0; x < out_width; ++x) {
      const double m = row[static_cast<std::size_t>(x)];
      mean_out[x] = static_cast<float>(m);
      variance_out[x] = static_cast<float>(squares[static_cast<std::size_t>(x)] - m * m);
    }
  }
}

MEDISYN_FOR_EACH_PROCESSOR
double mean_similarity(const Plane& a, const Plane& b, Size height, Size width, bool with_luminance) {
  const Taps taps = gaussian();
  const Size out_width = width - kLost;
  Ring ring(out_width);
  std::vector<double> row(static_cast<std::size_t>(width));
  std::vector<float> similarity(row.size());
  double sum = 0;
  for (Size y = 0; y < height; ++y) {
    const float* first = a.values + y * width;
    const float* second = b.values + y * width;
    double* __restrict product = row.data();
    for (Size x = 0; x < width; ++x) {
      product[x] = static_cast<double>(first[x]) * static_cast<double>(second[x]);
    }
    blur_across(product, taps, out_width, ring.row(y));
    if (y < kLost) {
      continue;
    }
    const Size start = (y - kLost) * out_width;
    blur_down(ring.last(y), taps, out_width, product);
    const Rows at = {.product = product,
                     .mean_a = a.mean + start,
                     .mean_b = b.mean + start,
                     .variance_a = a.variance + start,
                     .variance_b = b.variance + start};
    float* __restrict out = similarity.data();
    for (Size x = 0; x < out_width; ++x) {
      out[x] = contrast_structure(at, x);
    }
    if (with_luminance) {
      for (Size x = 0; x < out_width; ++x) {
        out[x] *= luminance(at, x);
      }
    }
#pragma omp simd reduction(+ : sum)
    for (Size x = 0; x < out_width; ++x) {
      sum += static_cast<double>(out[x]);
    }
  }
  return sum / static_cast<double>((height - kLost) * out_width);
}

}  // namespace medisyn::ms_ssim_kernels
