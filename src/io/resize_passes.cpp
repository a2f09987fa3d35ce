#include "resize_passes.h"

#include <algorithm>
#include <cmath>

namespace medisyn {
namespace {

/// Keys' cubic convolution kernel with a = -0.5, |x| < 2.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) {
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  }
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

std::uint8_t rounded(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp((sum + kHalf) >> kPrecisionBits, 0, 255));
}

}  // namespace

Taps::Taps(int in_size, int out_size, int begin, int end) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double widening = std::max(scale, 1.0);
  const double support = 2.0 * widening;
  stride = static_cast<std::size_t>(std::ceil(support)) * 2 + 1;
  outputs.resize(static_cast<std::size_t>(end - begin));
  weights.resize(outputs.size() * stride);
  std::vector<double> real(stride);
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const double center = (begin + static_cast<double>(i) + 0.5) * scale;
    const int first = std::max(0, static_cast<int>(center - support + 0.5));
    const int last = std::min(in_size, static_cast<int>(center + support + 0.5));
    outputs[i] = {static_cast<std::size_t>(first), static_cast<std::size_t>(last - first)};
    double sum = 0.0;
    for (std::size_t t = 0; t < outputs[i].count; ++t) {
      real[t] = cubic((static_cast<double>(t) + first - center + 0.5) / widening);
      sum += real[t];
    }
    for (std::size_t t = 0; t < outputs[i].count; ++t) {
      const double scaled = real[t] / sum * (1 << kPrecisionBits);
      weights[i * stride + t] = static_cast<std::int32_t>(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5);
    }
  }
}

void resize_along_rows(const Rows& rows, const Taps& taps, std::uint8_t* out) {
  if (!resize_along_rows_avx2(rows, taps, out)) {
    resize_along_rows_plainly(rows, taps, out);
  }
}

void resize_down_columns(const Rows& rows, std::size_t width, const Taps& taps, std::uint8_t* out) {
  if (!resize_down_columns_avx2(rows, width, taps, out)) {
    resize_down_columns_plainly(rows, width, taps, out);
  }
}

void resize_along_rows_plainly(const Rows& rows, const Taps& taps, std::uint8_t* out) {
  for (std::size_t y = 0; y < rows.count; ++y) {
    const std::uint8_t* row = rows.first + y * rows.stride;
    for (std::size_t x = 0; x < taps.outputs.size(); ++x) {
      const std::int32_t* weights = taps.weights_of(x);
      const std::uint8_t* pixel = row + taps.outputs[x].first * 3;
      std::int32_t red = 0;
      std::int32_t green = 0;
      std::int32_t blue = 0;
      for (std::size_t t = 0; t < taps.outputs[x].count; ++t, pixel += 3) {
        red += weights[t] * pixel[0];
        green += weights[t] * pixel[1];
        blue += weights[t] * pixel[2];
      }
      *out++ = rounded(red);
      *out++ = rounded(green);
      *out++ = rounded(blue);
    }
  }
}

void resize_down_columns_plainly(const Rows& rows, std::size_t width, const Taps& taps, std::uint8_t* out) {
  std::vector<std::int32_t> sums(width);
  for (std::size_t y = 0; y < taps.outputs.size(); ++y) {
    std::fill(sums.begin(), sums.end(), 0);
    const std::uint8_t* row = rows.first + (taps.outputs[y].first - taps.first_input()) * rows.stride;
    for (std::size_t t = 0; t < taps.outputs[y].count; ++t, row += rows.stride) {
      const std::int32_t weight = taps.weights_of(y)[t];
      for (std::size_t i = 0; i < width; ++i) {
        sums[i] += weight * row[i];
      }
    }
    out = std::transform(sums.begin(), sums.end(), out, rounded);
  }
}

}  // namespace medisyn
