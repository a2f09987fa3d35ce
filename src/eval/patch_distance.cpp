#include "medisyn/eval/patch_distance.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

namespace medisyn {
namespace {

constexpr int kPatches = kPatchesAcross * kPatchesAcross;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

const std::uint8_t* pixel(const Image& image, int y, int x) {
  return image.pixels.data() +
         (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) + static_cast<std::size_t>(x)) *
             3;
}

/// Values in 0..255; a row of a patch has fewer than 2^16 of them.
std::uint32_t squared_difference(const std::uint8_t* a, const std::uint8_t* b, int values) {
  std::uint32_t sum = 0;
  for (int i = 0; i < values; ++i) {
    const int difference = a[i] - b[i];
    sum += static_cast<std::uint32_t>(difference * difference);
  }
  return sum;
}

/// Two pictures that overlap in height x width pixels, from these corners on.
struct Overlap {
  const Image& a;
  const Image& b;
  int height, width;
  int a_top, a_left, b_top, b_left;
};

/// The mean squared difference of a patch, of values in 0..255; infinity where it is not below `bound`.
double patch_mean(const Overlap& both, int patch, double bound) {
  const auto begin = [&](int i, int side) { return i * side / kPatchesAcross; };
  const int row = patch / kPatchesAcross;
  const int column = patch % kPatchesAcross;
  const int left = begin(column, both.width);
  const int values = (begin(column + 1, both.width) - left) * 3;
  const int end = begin(row + 1, both.height);
  const double count = static_cast<double>(end - begin(row, both.height)) * values;
  std::uint64_t sum = 0;
  for (int y = begin(row, both.height); y < end; ++y) {
    sum += squared_difference(pixel(both.a, both.a_top + y, both.a_left + left),
                              pixel(both.b, both.b_top + y, both.b_left + left), values);
    if (static_cast<double>(sum) >= bound * count) {
      return kInfinity;
    }
  }
  return static_cast<double>(sum) / count;
}

/// The largest patch mean; infinity where it is not below `bound`. `first` is the patch to begin with: the
/// one that decided last time most often does so again.
double worst_patch(const Overlap& both, double bound, int& first) {
  double worst = 0;
  for (int i = 0; i < kPatches; ++i) {
    const int patch = (first + i) % kPatches;
    const double mean = patch_mean(both, patch, bound);
    worst = std::max(worst, mean);
    if (mean == kInfinity) {
      first = patch;
      return worst;
    }
  }
  return worst;
}

Overlap overlap(const Image& a, const Image& b, int down, int right) {
  return {a,
          b,
          a.height - std::abs(down),
          a.width - std::abs(right),
          std::max(-down, 0),
          std::max(-right, 0),
          std::max(down, 0),
          std::max(right, 0)};
}

void check_sizes(const Image& a, const Image& b, int most_shift) {
  TORCH_CHECK(a.height == b.height && a.width == b.width, a.width, " x ", a.height, " and ", b.width, " x ",
              b.height, " pixels have no corresponding patches");
  TORCH_CHECK(most_shift >= 0 && std::min(a.height, a.width) >= kPatchesAcross + most_shift, a.width, " x ",
              a.height, " pixels are too few for patches shifted by ", most_shift);
}

Image flipped(const Image& image, const Placement& placement) {
  Image result{image.height, image.width, {}};
  result.pixels.reserve(image.pixels.size());
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      const auto* from = pixel(image, placement.flip_vertical ? image.height - 1 - y : y,
                               placement.flip_horizontal ? image.width - 1 - x : x);
      result.pixels.insert(result.pixels.end(), from, from + 3);
    }
  }
  return result;
}

/// All shifts, nearest first.
std::vector<std::pair<int, int>> shifts_up_to(int most) {
  std::vector<std::pair<int, int>> shifts;
  for (int down = -most; down <= most; ++down) {
    for (int right = -most; right <= most; ++right) {
      shifts.emplace_back(down, right);
    }
  }
  std::stable_sort(shifts.begin(), shifts.end(), [](const auto& a, const auto& b) {
    return std::abs(a.first) + std::abs(a.second) < std::abs(b.first) + std::abs(b.second);
  });
  return shifts;
}

}  // namespace

double patch_distance(const Image& a, const Image& b) {
  check_sizes(a, b, 0);
  int first = 0;
  return std::sqrt(worst_patch(overlap(a, b, 0, 0), kInfinity, first)) / 255;
}

PlacedDistance least_patch_distance(const Image& a, const Image& b, int most_shift) {
  check_sizes(a, b, most_shift);
  const std::vector<std::pair<int, int>> shifts = shifts_up_to(most_shift);
  PlacedDistance least;
  double mean = kInfinity;
  int first = 0;
  for (const auto& [horizontal, vertical] :
       {std::pair{false, false}, {true, false}, {false, true}, {true, true}}) {
    const Image turned = flipped(b, {horizontal, vertical});
    for (const auto& [down, right] : shifts) {
      const double found = worst_patch(overlap(a, turned, down, right), mean, first);
      if (found < mean) {
        mean = found;
        least.placement = {horizontal, vertical, down, right};
      }
    }
  }
  least.distance = std::sqrt(mean) / 255;
  return least;
}

Image difference(const Image& a, const Image& b, const Placement& placement) {
  check_sizes(a, b, std::max(std::abs(placement.down), std::abs(placement.right)));
  const Image turned = flipped(b, placement);
  const Overlap both = overlap(a, turned, placement.down, placement.right);
  Image result{a.height, a.width, std::vector<std::uint8_t>(a.pixels.size())};
  for (int y = 0; y < both.height; ++y) {
    const auto* first = pixel(a, both.a_top + y, both.a_left);
    const auto* second = pixel(turned, both.b_top + y, both.b_left);
    auto* to = result.pixels.data() + (pixel(result, both.a_top + y, both.a_left) - result.pixels.data());
    for (int i = 0; i < both.width * 3; ++i) {
      to[i] = static_cast<std::uint8_t>(std::abs(first[i] - second[i]));
    }
  }
  return result;
}

}  // namespace medisyn
