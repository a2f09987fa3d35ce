#include "medisyn/eval/ms_ssim.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

namespace medisyn {
namespace {

constexpr std::int64_t kTaps = 11;
constexpr std::int64_t kLost = kTaps - 1;  ///< rows and columns that a blur without padding takes away
constexpr double kSigma = 1.5;
constexpr double kRange = 255;
constexpr double kC1 = (0.01 * kRange) * (0.01 * kRange);
constexpr double kC2 = (0.03 * kRange) * (0.03 * kRange);
constexpr std::int64_t kChannels = 3;

/// The Gaussian's taps, sum 1. Moments are taken in double precision: a variance is a difference of squares,
/// and in single precision that of a flat image is rounding alone, which costs 2e-4 of the score.
const std::array<double, kTaps>& gaussian() {
  static const std::array<double, kTaps> kGaussian = [] {
    std::array<double, kTaps> taps{};
    for (std::int64_t i = 0; i < kTaps; ++i) {
      const auto offset = static_cast<double>(i - kTaps / 2);
      taps[static_cast<std::size_t>(i)] = std::exp(-offset * offset / (2 * kSigma * kSigma));
    }
    const double sum = std::accumulate(taps.begin(), taps.end(), 0.0);
    std::array<double, kTaps> unit{};
    std::transform(taps.begin(), taps.end(), unit.begin(), [&](double tap) { return tap / sum; });
    return unit;
  }();
  return kGaussian;
}

/// Blurs one plane that `fill(y, row)` gives row by row, and hands row y of the result, `width` - 10 long, to
/// `take(y, row)`. Eleven rows are held at a time, so a plane passes the cache once.
template <class Fill, class Take>
void blur(std::int64_t height, std::int64_t width, Fill fill, Take take) {
  const std::array<double, kTaps> taps = gaussian();
  const std::int64_t out_width = width - kLost;
  std::vector<double> row(static_cast<std::size_t>(width));
  std::vector<double> ring(static_cast<std::size_t>(kTaps * out_width));
  std::vector<double> result(static_cast<std::size_t>(out_width));
  for (std::int64_t y = 0; y < height; ++y) {
    fill(y, row.data());
    const double* __restrict in = row.data();
    double* __restrict across = ring.data() + y % kTaps * out_width;
    for (std::int64_t x = 0; x < out_width; ++x) {
      double sum = 0;
      for (std::int64_t k = 0; k < kTaps; ++k) {
        sum += taps[static_cast<std::size_t>(k)] * in[x + k];
      }
      across[x] = sum;
    }
    if (y < kLost) {
      continue;
    }
    std::array<const double*, kTaps> rows{};
    for (std::int64_t k = 0; k < kTaps; ++k) {
      rows[static_cast<std::size_t>(k)] = ring.data() + (y - kLost + k) % kTaps * out_width;
    }
    double* __restrict out = result.data();
    for (std::int64_t x = 0; x < out_width; ++x) {
      double sum = 0;
      for (std::size_t k = 0; k < kTaps; ++k) {
        sum += taps[k] * rows[k][x];
      }
      out[x] = sum;
    }
    take(y - kLost, out);
  }
}

/// Fills mean and variance out of pixels.
void add_moments(MsSsimScale& scale) {
  const std::int64_t width = scale.width;
  const std::int64_t out_width = width - kLost;
  const std::int64_t out_size = (scale.height - kLost) * out_width;
  scale.mean.resize(static_cast<std::size_t>(kChannels * out_size));
  scale.variance.resize(scale.mean.size());
  for (std::int64_t channel = 0; channel < kChannels; ++channel) {
    const float* plane = scale.pixels.data() + channel * scale.height * width;
    double* mean = scale.mean.data() + channel * out_size;
    double* variance = scale.variance.data() + channel * out_size;
    blur(
        scale.height, width, [&](std::int64_t y, double* row) { std::copy_n(plane + y * width, width, row); },
        [&](std::int64_t y, const double* row) { std::copy_n(row, out_width, mean + y * out_width); });
    blur(
        scale.height, width,
        [&](std::int64_t y, double* row) {
          std::transform(plane + y * width, plane + (y + 1) * width, row, [](double v) { return v * v; });
        },
        [&](std::int64_t y, const double* row) {
          for (std::int64_t x = 0; x < out_width; ++x) {
            const double m = mean[y * out_width + x];
            variance[y * out_width + x] = row[x] - m * m;
          }
        });
  }
}

/// Means of 2 x 2 pixels; an odd side gets one zero row or column in front and counts it, as avg_pool2d does.
MsSsimScale halved(const MsSsimScale& scale) {
  const std::int64_t top = scale.height % 2;
  const std::int64_t left = scale.width % 2;
  MsSsimScale half{.height = (scale.height + top) / 2, .width = (scale.width + left) / 2};
  half.pixels.resize(static_cast<std::size_t>(kChannels * half.height * half.width));
  for (std::int64_t channel = 0; channel < kChannels; ++channel) {
    const float* plane = scale.pixels.data() + channel * scale.height * scale.width;
    const auto at = [&](std::int64_t y, std::int64_t x) {
      return y < 0 || x < 0 ? 0.0F : plane[y * scale.width + x];
    };
    float* out = half.pixels.data() + channel * half.height * half.width;
    for (std::int64_t i = 0; i < half.height * half.width; ++i) {
      const std::int64_t y = i / half.width * 2 - top;
      const std::int64_t x = i % half.width * 2 - left;
      out[i] = (at(y, x) + at(y, x + 1) + at(y + 1, x) + at(y + 1, x + 1)) / 4;
    }
  }
  return half;
}

/// The mean over one plane of the contrast-structure factor, times the luminance factor at the last scale.
double mean_similarity(const MsSsimScale& a, const MsSsimScale& b, std::int64_t channel,
                       bool with_luminance) {
  const std::int64_t width = a.width;
  const std::int64_t out_width = width - kLost;
  const std::int64_t out_size = (a.height - kLost) * out_width;
  const float* pixels_a = a.pixels.data() + channel * a.height * width;
  const float* pixels_b = b.pixels.data() + channel * a.height * width;
  std::vector<double> similarity(static_cast<std::size_t>(out_width));
  double sum = 0;
  blur(
      a.height, width,
      [&](std::int64_t y, double* row) {
        const float* __restrict first = pixels_a + y * width;
        const float* __restrict second = pixels_b + y * width;
        for (std::int64_t x = 0; x < width; ++x) {
          row[x] = static_cast<double>(first[x]) * second[x];
        }
      },
      [&](std::int64_t y, const double* __restrict product) {
        const std::int64_t start = channel * out_size + y * out_width;
        const double* __restrict mean_a = a.mean.data() + start;
        const double* __restrict mean_b = b.mean.data() + start;
        const double* __restrict variance_a = a.variance.data() + start;
        const double* __restrict variance_b = b.variance.data() + start;
        double* __restrict out = similarity.data();
        for (std::int64_t x = 0; x < out_width; ++x) {
          const double covariance = product[x] - mean_a[x] * mean_b[x];
          out[x] = (2 * covariance + kC2) / (variance_a[x] + variance_b[x] + kC2);
        }
        if (with_luminance) {
          for (std::int64_t x = 0; x < out_width; ++x) {
            out[x] *=
                (2 * mean_a[x] * mean_b[x] + kC1) / (mean_a[x] * mean_a[x] + mean_b[x] * mean_b[x] + kC1);
          }
        }
        sum = std::accumulate(out, out + out_width, sum);
      });
  return sum / static_cast<double>(out_size);
}

}  // namespace

std::int64_t least_pixels(std::int64_t scales) { return kLost * (std::int64_t{1} << (scales - 1)) + 1; }

std::vector<double> ms_ssim_weights(std::int64_t scales) {
  TORCH_CHECK(scales >= 1 && scales <= 5, "1 to 5 scales, found ", scales);
  std::vector<double> weights = {0.0448, 0.2856, 0.3001, 0.2363, 0.1333};
  if (scales < 5) {
    weights.resize(static_cast<std::size_t>(scales));
    const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
    for (double& weight : weights) {
      weight /= sum;
    }
  }
  return weights;
}

MsSsimImage prepare_ms_ssim(const Image& image, std::int64_t scales) {
  TORCH_CHECK(std::min(image.height, image.width) >= least_pixels(scales), "image too small for ", scales,
              " scales");
  MsSsimScale scale{.height = image.height, .width = image.width};
  const std::size_t size = image.pixels.size() / kChannels;
  scale.pixels.resize(image.pixels.size());
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    scale.pixels[i % kChannels * size + i / kChannels] = image.pixels[i];
  }
  MsSsimImage prepared;
  for (std::int64_t i = 0; i < scales; ++i) {
    if (i > 0) {
      scale = halved(prepared.back());
    }
    add_moments(scale);
    prepared.push_back(std::move(scale));
  }
  return prepared;
}

double ms_ssim(const MsSsimImage& a, const MsSsimImage& b) {
  TORCH_CHECK(a.size() == b.size() && a.at(0).height == b.at(0).height && a[0].width == b[0].width,
              "two images of one size are compared");
  const std::vector<double> weights = ms_ssim_weights(static_cast<std::int64_t>(a.size()));
  double sum = 0;
  for (std::int64_t channel = 0; channel < kChannels; ++channel) {
    double product = 1;
    for (std::size_t scale = 0; scale < a.size(); ++scale) {
      const bool is_last = scale + 1 == a.size();
      const double mean = mean_similarity(a[scale], b[scale], channel, is_last);
      product *= std::pow(std::max(mean, 0.0), weights[scale]);
    }
    sum += product;
  }
  return sum / kChannels;
}

}  // namespace medisyn
