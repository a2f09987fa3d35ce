#include "medisyn/io/bilinear.h"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr std::size_t kChannels = 3;

/// The two pixels beside a sample, and the second one's share.
struct Sample {
  std::size_t low, high;
  float share;
};

std::vector<Sample> samples_along(int pixels, int size, BilinearGrid grid) {
  const float scale = static_cast<float>(pixels) / static_cast<float>(size);
  std::vector<Sample> samples;
  for (int i = 0; i < size; ++i) {
    const auto at = static_cast<float>(i);
    const float place =
        grid == BilinearGrid::kCorner ? at * scale : std::max(scale * (at + 0.5F) - 0.5F, 0.F);
    const int low = std::min(static_cast<int>(place), pixels - 1);
    const int high = std::min(low + 1, pixels - 1);
    samples.push_back({.low = static_cast<std::size_t>(low),
                       .high = static_cast<std::size_t>(high),
                       .share = std::clamp(place - static_cast<float>(low), 0.F, 1.F)});
  }
  return samples;
}

float mix(float low, float high, float share) { return low + (high - low) * share; }

}  // namespace

void resize_bilinear(const Image& image, int size, BilinearGrid grid, float* out) {
  if (size <= 0 || image.height <= 0 || image.width <= 0) {
    fail("resize: expected a height and width of at least 1, found {} x {} to {}", image.height, image.width,
         size);
  }
  const std::vector<Sample> columns = samples_along(image.width, size, grid);
  const std::size_t stride = static_cast<std::size_t>(image.width) * kChannels;
  for (const Sample& row : samples_along(image.height, size, grid)) {
    const std::uint8_t* upper = image.pixels.data() + row.low * stride;
    const std::uint8_t* lower = image.pixels.data() + row.high * stride;
    for (const Sample& column : columns) {
      for (std::size_t channel = 0; channel < kChannels; ++channel) {
        const std::size_t left = column.low * kChannels + channel;
        const std::size_t right = column.high * kChannels + channel;
        *out++ = mix(mix(upper[left], upper[right], column.share),
                     mix(lower[left], lower[right], column.share), row.share);
      }
    }
  }
}

}  // namespace medisyn
