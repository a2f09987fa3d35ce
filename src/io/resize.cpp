#include "medisyn/io/resize.h"

#include <ATen/ops/_upsample_bicubic2d_aa.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

// 8 bits of pixel, 2 of head room for the kernel's overshoot, the rest of an int32 for weights.
constexpr int kPrecisionBits = 32 - 8 - 2;

/// Keys' cubic convolution kernel with a = -0.5, |x| < 2.
double cubic(double x) {
  constexpr double a = -0.5;
  x = std::abs(x);
  if (x < 1.0) {
    return ((a + 2.0) * x - (a + 3.0)) * x * x + 1.0;
  }
  return x < 2.0 ? (((x - 5.0) * x + 8.0) * x - 4.0) * a : 0.0;
}

/// The input samples that make one output sample, and their fixed-point weights.
struct Taps {
  int first = 0;
  std::vector<std::int32_t> weights;
};

std::vector<Taps> make_taps(int in_size, int out_size) {
  const double scale = static_cast<double>(in_size) / out_size;
  const double widening = std::max(scale, 1.0);
  const double support = 2.0 * widening;
  std::vector<Taps> taps(static_cast<std::size_t>(out_size));
  std::vector<double> weights;
  for (int out = 0; out < out_size; ++out) {
    Taps& tap = taps[static_cast<std::size_t>(out)];
    const double center = (out + 0.5) * scale;
    tap.first = std::max(0, static_cast<int>(center - support + 0.5));
    const int end = std::min(in_size, static_cast<int>(center + support + 0.5));
    weights.clear();
    double sum = 0.0;
    for (int in = tap.first; in < end; ++in) {
      weights.push_back(cubic((in - center + 0.5) / widening));
      sum += weights.back();
    }
    for (const double weight : weights) {
      const double scaled = weight / sum * (1 << kPrecisionBits);
      tap.weights.push_back(static_cast<std::int32_t>(scaled < 0.0 ? scaled - 0.5 : scaled + 0.5));
    }
  }
  return taps;
}

std::uint8_t rounded(std::int32_t sum) {
  return static_cast<std::uint8_t>(std::clamp((sum + (1 << (kPrecisionBits - 1))) >> kPrecisionBits, 0, 255));
}

Image resize_rows(const Image& image, int width) {
  Image out{image.height, width, {}};
  out.pixels.resize(static_cast<std::size_t>(image.height) * static_cast<std::size_t>(width) * 3);
  const std::vector<Taps> taps = make_taps(image.width, width);
  auto* target = out.pixels.data();
  for (int y = 0; y < image.height; ++y) {
    const auto* row =
        image.pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) * 3;
    for (const Taps& tap : taps) {
      std::int32_t red = 0;
      std::int32_t green = 0;
      std::int32_t blue = 0;
      const auto* pixel = row + static_cast<std::size_t>(tap.first) * 3;
      for (const std::int32_t weight : tap.weights) {
        red += weight * pixel[0];
        green += weight * pixel[1];
        blue += weight * pixel[2];
        pixel += 3;
      }
      *target++ = rounded(red);
      *target++ = rounded(green);
      *target++ = rounded(blue);
    }
  }
  return out;
}

Image resize_columns(const Image& image, int height) {
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  Image out{height, image.width, std::vector<std::uint8_t>(static_cast<std::size_t>(height) * stride)};
  const std::vector<Taps> taps = make_taps(image.height, height);
  std::vector<std::int32_t> sums(stride);
  for (std::size_t y = 0; y < taps.size(); ++y) {
    std::fill(sums.begin(), sums.end(), 0);
    const auto* row = image.pixels.data() + static_cast<std::size_t>(taps[y].first) * stride;
    for (const std::int32_t weight : taps[y].weights) {
      for (std::size_t i = 0; i < stride; ++i) {
        sums[i] += weight * row[i];
      }
      row += stride;
    }
    std::transform(sums.begin(), sums.end(), out.pixels.begin() + static_cast<std::ptrdiff_t>(y * stride),
                   rounded);
  }
  return out;
}

void check_size(int height, int width) {
  if (height <= 0 || width <= 0) {
    fail("resize: expected a height and width of at least 1, found {} x {}", height, width);
  }
}

}  // namespace

Image resize(const Image& image, int height, int width) {
  check_size(height, width);
  check_size(image.height, image.width);
  Image out = width == image.width ? image : resize_rows(image, width);
  return height == image.height ? out : resize_columns(out, height);
}

torch::Tensor resize_float(const torch::Tensor& planes, int height, int width) {
  TORCH_CHECK(planes.dim() == 3, "resize_float expects [C, H, W], got ", planes.sizes());
  check_size(height, width);
  return at::_upsample_bicubic2d_aa(planes.unsqueeze(0), {height, width}, /*align_corners=*/false).squeeze(0);
}

Image resize_and_crop(const Image& image, int size) {
  const double scale = static_cast<double>(size) / std::min(image.height, image.width);
  const int height = std::max(size, static_cast<int>(std::lround(image.height * scale)));
  const int width = std::max(size, static_cast<int>(std::lround(image.width * scale)));
  return crop(resize(image, height, width), (height - size) / 2, (width - size) / 2, size, size);
}

}  // namespace medisyn
