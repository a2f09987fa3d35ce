#include "medisyn/eval/ms_ssim.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "medisyn/eval/ms_ssim_kernels.h"

namespace medisyn {
namespace {

using ms_ssim_kernels::kCentre;
using ms_ssim_kernels::kLost;
using ms_ssim_kernels::Plane;

constexpr std::int64_t kChannels = 3;

/// Fills mean and variance out of the values.
void add_moments(MsSsimScale& scale) {
  const std::int64_t size = scale.height * scale.width;
  const std::int64_t out_size = (scale.height - kLost) * (scale.width - kLost);
  scale.mean.resize(static_cast<std::size_t>(kChannels * out_size));
  scale.variance.resize(scale.mean.size());
  for (std::int64_t channel = 0; channel < kChannels; ++channel) {
    ms_ssim_kernels::blur_moments(scale.values.data() + channel * size, scale.height, scale.width,
                                  scale.mean.data() + channel * out_size,
                                  scale.variance.data() + channel * out_size);
  }
}

/// Means of 2 x 2 pixels; an odd side gets one black row or column in front and counts it, as avg_pool2d
/// does.
MsSsimScale halved(const MsSsimScale& scale) {
  const std::int64_t top = scale.height % 2;
  const std::int64_t left = scale.width % 2;
  MsSsimScale half{.height = (scale.height + top) / 2, .width = (scale.width + left) / 2};
  half.values.resize(static_cast<std::size_t>(kChannels * half.height * half.width));
  const std::vector<float> black(static_cast<std::size_t>(scale.width), -kCentre);
  float* out = half.values.data();
  for (std::int64_t row = 0; row < kChannels * half.height; ++row) {
    const std::int64_t y = row % half.height * 2 - top;
    const float* lower = scale.values.data() + (row / half.height * scale.height + y + 1) * scale.width;
    const float* upper = y < 0 ? black.data() : lower - scale.width;
    for (std::int64_t i = 0; i < half.width; ++i) {
      const std::int64_t x = i * 2 - left;
      const float first = x < 0 ? -2 * kCentre : upper[x] + lower[x];
      *out++ = (first + upper[x + 1] + lower[x + 1]) / 4;
    }
  }
  return half;
}

Plane plane_of(const MsSsimScale& scale, std::int64_t channel) {
  const std::int64_t start = channel * (scale.height - kLost) * (scale.width - kLost);
  return {.values = scale.values.data() + channel * scale.height * scale.width,
          .mean = scale.mean.data() + start,
          .variance = scale.variance.data() + start};
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
  scale.values.resize(image.pixels.size());
  for (std::size_t channel = 0; channel < kChannels; ++channel) {
    for (std::size_t i = 0; i < size; ++i) {
      scale.values[channel * size + i] = static_cast<float>(image.pixels[i * kChannels + channel]) - kCentre;
    }
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

/// Three floats a pixel and channel, over all scales less than 4/3 of the first.
std::int64_t prepared_bytes(const Image& image) {
  return static_cast<std::int64_t>(image.pixels.size() * sizeof(float)) * 3 * 4 / 3;
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
      const double mean = ms_ssim_kernels::mean_similarity(
          plane_of(a[scale], channel), plane_of(b[scale], channel), a[scale].height, a[scale].width, is_last);
      product *= std::pow(std::max(mean, 0.0), weights[scale]);
    }
    sum += product;
  }
  return sum / kChannels;
}

}  // namespace medisyn
