#include "medisyn/curate/perceptual_hash.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numbers>
#include <string_view>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/report/html.h"

namespace medisyn {
namespace {

constexpr int kGrid = 32;  // a side of the picture that is transformed
constexpr int kLow = 8;    // frequencies a side

using Grid = std::array<float, static_cast<std::size_t>(kGrid) * kGrid>;
using Frequencies = std::array<float, static_cast<std::size_t>(kLow) * kLow>;

/// Cell i of kGrid covers [i n / kGrid, (i + 1) n / kGrid) of n pixels, the outer two in part.
struct Cell {
  int first = 0;
  std::vector<float> shares;  // of the pixels from `first` on; sum 1
};

std::vector<Cell> cells_of(int n) {
  std::vector<Cell> cells(kGrid);
  const double width = static_cast<double>(n) / kGrid;
  for (int i = 0; i < kGrid; ++i) {
    const double begin = i * width;
    const double end = begin + width;
    Cell& cell = cells[static_cast<std::size_t>(i)];
    cell.first = std::min(static_cast<int>(begin), n - 1);
    for (int pixel = cell.first; pixel < n && (pixel < end || pixel == cell.first); ++pixel) {
      const double covered = std::min(end, pixel + 1.0) - std::max(begin, static_cast<double>(pixel));
      cell.shares.push_back(static_cast<float>(covered / width));
    }
  }
  return cells;
}

/// ITU-R BT.601's luma of one row. [W, 3] -> [W], 0..255
void luma_row(const std::uint8_t* rgb, std::vector<float>& luma) {
  for (std::size_t x = 0; x < luma.size(); ++x) {
    const int sum = 77 * rgb[3 * x] + 150 * rgb[3 * x + 1] + 29 * rgb[3 * x + 2];
    luma[x] = static_cast<float>(sum) / 256.0F;
  }
}

/// [W] -> [kGrid]
void shrink_row(const std::vector<float>& luma, const std::vector<Cell>& columns, float* shrunk) {
  for (const Cell& cell : columns) {
    float sum = 0;
    for (std::size_t k = 0; k < cell.shares.size(); ++k) {
      sum += cell.shares[k] * luma[static_cast<std::size_t>(cell.first) + k];
    }
    *shrunk++ = sum;
  }
}

Grid shrink(const Image& image) {
  const std::vector<Cell> rows = cells_of(image.height);
  const std::vector<Cell> columns = cells_of(image.width);
  std::vector<float> luma(static_cast<std::size_t>(image.width));
  std::vector<float> shrunk(static_cast<std::size_t>(image.height) * kGrid);
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    luma_row(image.pixels.data() + y * luma.size() * 3, luma);
    shrink_row(luma, columns, shrunk.data() + y * kGrid);
  }
  Grid grid{};
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t k = 0; k < rows[i].shares.size(); ++k) {
      const float* row = shrunk.data() + (static_cast<std::size_t>(rows[i].first) + k) * kGrid;
      for (std::size_t x = 0; x < kGrid; ++x) {
        grid[i * kGrid + x] += rows[i].shares[k] * row[x];
      }
    }
  }
  return grid;
}

/// Row u: cos(pi (2 x + 1) (u + 1) / (2 kGrid)), the DCT-II's waves u + 1. [kLow, kGrid]
std::array<float, static_cast<std::size_t>(kLow) * kGrid> make_waves() {
  std::array<float, static_cast<std::size_t>(kLow) * kGrid> waves{};
  for (std::size_t u = 0; u < kLow; ++u) {
    for (std::size_t x = 0; x < kGrid; ++x) {
      const double angle = std::numbers::pi * static_cast<double>((2 * x + 1) * (u + 1)) / (2 * kGrid);
      waves[u * kGrid + x] = static_cast<float>(std::cos(angle));
    }
  }
  return waves;
}

/// Rows and columns 1..kLow of the DCT-II. [kGrid, kGrid] -> [kLow, kLow]
Frequencies low_frequencies(const Grid& grid) {
  static const auto kWaves = make_waves();
  std::array<float, static_cast<std::size_t>(kGrid) * kLow> half{};  // [kGrid, kLow]
  for (std::size_t y = 0; y < kGrid; ++y) {
    for (std::size_t u = 0; u < kLow; ++u) {
      for (std::size_t x = 0; x < kGrid; ++x) {
        half[y * kLow + u] += grid[y * kGrid + x] * kWaves[u * kGrid + x];
      }
    }
  }
  Frequencies low{};
  for (std::size_t v = 0; v < kLow; ++v) {
    for (std::size_t y = 0; y < kGrid; ++y) {
      for (std::size_t u = 0; u < kLow; ++u) {
        low[v * kLow + u] += half[y * kLow + u] * kWaves[v * kGrid + y];
      }
    }
  }
  return low;
}

std::uint64_t bits_of(const Frequencies& low) {
  Frequencies sorted = low;
  const auto middle = sorted.begin() + sorted.size() / 2;
  std::nth_element(sorted.begin(), middle, sorted.end());
  const float median = (*middle + *std::max_element(sorted.begin(), middle)) / 2;
  std::uint64_t bits = 0;
  for (const float value : low) {
    bits = (bits << 1) | (value > median ? 1U : 0U);
  }
  return bits;
}

struct Comparison {
  double correlation = 0;  // Pearson's
  double residual = 0;     // deviation of one from its best linear fit by the other, grey values
};

Comparison correlate(const PerceptualHash& a, const PerceptualHash& b) {
  // Sums of 256 products of bytes fit in 32 bits, products of such sums in 64.
  std::uint32_t sum_a = 0, sum_b = 0, aa = 0, bb = 0, ab = 0;
  for (std::size_t i = 0; i < a.thumbnail.size(); ++i) {
    const std::uint32_t x = a.thumbnail[i];
    const std::uint32_t y = b.thumbnail[i];
    sum_a += x;
    sum_b += y;
    aa += x * x;
    bb += y * y;
    ab += x * y;
  }
  const auto n = static_cast<std::int64_t>(a.thumbnail.size());
  const auto covariance = [n](std::int64_t xy, std::int64_t x, std::int64_t y) {
    return static_cast<double>(n * xy - x * y) / static_cast<double>(n * n);
  };
  const double product = std::sqrt(covariance(aa, sum_a, sum_a) * covariance(bb, sum_b, sum_b));
  if (product <= 0) {
    return {};
  }
  const double correlation = covariance(ab, sum_a, sum_b) / product;
  // Of the two fits' deviations the geometric mean, so that the order does not matter.
  return {correlation, std::sqrt(product * std::max(0.0, 1 - correlation * correlation))};
}

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoLetter = 255;

constexpr std::array<std::uint8_t, 256> make_values() {
  std::array<std::uint8_t, 256> values{};
  values.fill(kNoLetter);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
  }
  return values;
}

constexpr std::array<std::uint8_t, 256> kValues = make_values();  // of letters
constexpr std::size_t kBytes = 8 + PerceptualHash::kThumbnailPixels * PerceptualHash::kThumbnailPixels;
static_assert(kBytes % 3 == 0, "base64 without padding");
constexpr std::size_t kLetters = kBytes / 3 * 4;

}  // namespace

PerceptualHash perceptual_hash(const Image& image) {
  if (image.height < 1 || image.width < 1) {
    fail("a picture of {} x {} pixels has no perceptual hash: give one with pixels", image.height,
         image.width);
  }
  const Grid grid = shrink(image);
  PerceptualHash hash{.bits = bits_of(low_frequencies(grid))};
  constexpr std::size_t kSide = PerceptualHash::kThumbnailPixels;
  static_assert(2 * kSide == kGrid);
  for (std::size_t y = 0; y < kSide; ++y) {
    for (std::size_t x = 0; x < kSide; ++x) {
      const float* corner = grid.data() + 2 * y * kGrid + 2 * x;
      const float mean = (corner[0] + corner[1] + corner[kGrid] + corner[kGrid + 1]) / 4;
      hash.thumbnail[y * kSide + x] = static_cast<std::uint8_t>(std::clamp(mean + 0.5F, 0.0F, 255.0F));
    }
  }
  return hash;
}

std::string PerceptualHash::text() const {
  std::string bytes;
  for (int shift = 56; shift >= 0; shift -= 8) {
    bytes += static_cast<char>((bits >> shift) & 0xFF);
  }
  bytes.append(reinterpret_cast<const char*>(thumbnail.data()), thumbnail.size());
  return base64(bytes);
}

PerceptualHash PerceptualHash::from_text(const std::string& text) {
  if (text.size() != kLetters) {
    fail("a perceptual hash has {} letters, found {}", kLetters, text.size());
  }
  PerceptualHash hash;
  std::uint32_t pending = 0;
  std::size_t written = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::uint8_t value = kValues[static_cast<std::uint8_t>(text[i])];
    if (value == kNoLetter) {
      fail("a perceptual hash is base64, found the character {} at position {}", static_cast<int>(text[i]),
           i);
    }
    pending = (pending << 6) | value;
    if (i % 4 != 3) {
      continue;
    }
    for (int shift = 16; shift >= 0; shift -= 8, ++written) {
      const auto byte = static_cast<std::uint8_t>((pending >> shift) & 0xFF);
      if (written < 8) {
        hash.bits = (hash.bits << 8) | byte;
      } else {
        hash.thumbnail[written - 8] = byte;
      }
    }
  }
  return hash;
}

int hash_distance(const PerceptualHash& a, const PerceptualHash& b) { return std::popcount(a.bits ^ b.bits); }

double thumbnail_correlation(const PerceptualHash& a, const PerceptualHash& b) {
  return correlate(a, b).correlation;
}

bool are_alike(const PerceptualHash& a, const PerceptualHash& b, double min_correlation) {
  constexpr double kLeastOfNoisy = 0.8;
  constexpr double kNoise = 2.5;  // grey values
  const Comparison found = correlate(a, b);
  return found.correlation >= min_correlation ||
         (found.correlation >= kLeastOfNoisy && found.residual <= kNoise);
}

double thumbnail_deviation(const PerceptualHash& hash) {
  std::uint32_t sum = 0, squares = 0;
  for (const std::uint32_t value : hash.thumbnail) {
    sum += value;
    squares += value * value;
  }
  const auto n = static_cast<double>(hash.thumbnail.size());
  const double mean = sum / n;
  return std::sqrt(std::max(0.0, squares / n - mean * mean));
}

}  // namespace medisyn
