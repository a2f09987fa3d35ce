#include "medisyn/eval/patch_distance.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"

namespace medisyn {
namespace {

/// The formula of scripts/golden/memorization.py.
Image pattern(int height, int width, std::int64_t seed, std::int64_t contrast) {
  Image image{height, width, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < 3; ++c) {
        const std::int64_t value = (x * 7919 + y * 104729 + c * 1299709 + seed) % 65521;
        image.pixels.push_back(static_cast<std::uint8_t>(value * value % 65521 % 256 * contrast / 256 +
                                                         x * (256 - contrast) / width));
      }
    }
  }
  return image;
}

int value(const Image& image, int y, int x, int c) {
  return image.pixels[static_cast<std::size_t>((y * image.width + x) * 3 + c)];
}

/// The least over all placements, by their definition and nothing else.
double naive_least(const Image& a, const Image& b, int most_shift) {
  double least = 1;
  for (int placement = 0; placement < 4; ++placement) {
    for (int down = -most_shift; down <= most_shift; ++down) {
      for (int right = -most_shift; right <= most_shift; ++right) {
        const int top = std::max(-down, 0);
        const int left = std::max(-right, 0);
        const int height = a.height - std::abs(down);
        const int width = a.width - std::abs(right);
        double worst = 0;
        for (int patch = 0; patch < 16; ++patch) {
          double sum = 0;
          int count = 0;
          for (int y = top + patch / 4 * height / 4; y < top + (patch / 4 + 1) * height / 4; ++y) {
            for (int x = left + patch % 4 * width / 4; x < left + (patch % 4 + 1) * width / 4; ++x) {
              const int v = placement & 1 ? b.height - 1 - (y + down) : y + down;
              const int u = placement & 2 ? b.width - 1 - (x + right) : x + right;
              for (int c = 0; c < 3; ++c) {
                sum += std::pow((value(a, y, x, c) - value(b, v, u, c)) / 255.0, 2);
                ++count;
              }
            }
          }
          worst = std::max(worst, std::sqrt(sum / count));
        }
        least = std::min(least, worst);
      }
    }
  }
  return least;
}

TEST(Golden, PatchDistanceEqualsNumpy) {
  const Json cases =
      Json::parse(read_file(std::string(MEDISYN_TEST_DATA) + "/memorization.json"))["patch_distances"];
  ASSERT_EQ(cases.size(), 25U);
  for (const Json& entry : cases) {
    const Image a = pattern(entry["height"], entry["width"], 1, entry["contrast_a"]);
    const Image b = pattern(entry["height"], entry["width"], 77, entry["contrast_b"]);
    EXPECT_NEAR(patch_distance(a, b), entry["distance"].get<double>(), 1e-12) << entry.dump();
  }
}

TEST(PatchDistance, RangesFromZeroToOne) {
  const Image black{8, 8, std::vector<std::uint8_t>(192)};
  const Image white{8, 8, std::vector<std::uint8_t>(192, 255)};
  EXPECT_EQ(patch_distance(black, black), 0);
  EXPECT_EQ(patch_distance(black, white), 1);
  Image dot = black;
  dot.pixels[100] = 255;  // one of the 12 values of its patch
  EXPECT_NEAR(patch_distance(black, dot), std::sqrt(1 / 12.0), 1e-15);
  EXPECT_THROW(patch_distance(black, {8, 9, std::vector<std::uint8_t>(216)}), c10::Error);
  EXPECT_THROW(patch_distance({3, 3, std::vector<std::uint8_t>(27)}, {3, 3, std::vector<std::uint8_t>(27)}),
               c10::Error);
}

TEST(LeastPatchDistance, EqualsTheDefinition) {
  for (const auto& [height, width] : {std::pair{16, 16}, {19, 24}, {8, 11}}) {
    for (const std::int64_t contrast : {256, 30, 0}) {
      const Image a = pattern(height, width, 1, contrast);
      const Image b = pattern(height, width, 77, contrast);
      const double least = least_patch_distance(a, b, 2).distance;
      EXPECT_NEAR(least, naive_least(a, b, 2), 1e-12) << height << " x " << width << ", " << contrast;
      EXPECT_LE(least, patch_distance(a, b));
    }
  }
}

TEST(LeastPatchDistance, FindsEveryPlacement) {
  const Image large = pattern(48, 48, 5, 200);
  const Image a = crop(large, 8, 8, 32, 32);
  for (const Placement& placement : {Placement{}, Placement{true, false, 0, 0}, Placement{false, true, 4, -4},
                                     Placement{true, true, -3, 1}, Placement{false, false, 0, 4}}) {
    // What the other shows when it is flipped back: the large picture from here on.
    const Image moved = crop(large, 8 - placement.down, 8 - placement.right, 32, 32);
    Image b = moved;
    for (int y = 0; y < 32; ++y) {
      for (int x = 0; x < 32; ++x) {
        for (int c = 0; c < 3; ++c) {
          b.pixels[static_cast<std::size_t>((y * 32 + x) * 3 + c)] = static_cast<std::uint8_t>(
              value(moved, placement.flip_vertical ? 31 - y : y, placement.flip_horizontal ? 31 - x : x, c));
        }
      }
    }
    const PlacedDistance found = least_patch_distance(a, b, 4);
    EXPECT_EQ(found.distance, 0);
    EXPECT_EQ(found.placement, placement);
    const Image black = difference(a, b, found.placement);
    EXPECT_TRUE(std::all_of(black.pixels.begin(), black.pixels.end(), [](auto v) { return v == 0; }));
  }
  EXPECT_GT(patch_distance(a, crop(large, 4, 8, 32, 32)), 0.1);
}

TEST(LeastPatchDistance, OfEqualPlacementsTakesTheFirst) {
  const Image grey{16, 16, std::vector<std::uint8_t>(768, 90)};
  EXPECT_EQ(least_patch_distance(grey, grey, 4).placement, Placement{});
}

TEST(Difference, IsAbsoluteAndBlackOutside) {
  Image a{8, 8, std::vector<std::uint8_t>(192, 10)};
  const Image b{8, 8, std::vector<std::uint8_t>(192, 250)};
  EXPECT_EQ(difference(a, b), (Image{8, 8, std::vector<std::uint8_t>(192, 240)}));
  const Image moved = difference(a, b, {.down = 2});
  EXPECT_EQ(value(moved, 5, 0, 0), 240);
  EXPECT_EQ(value(moved, 6, 0, 0), 0);
}

}  // namespace
}  // namespace medisyn
