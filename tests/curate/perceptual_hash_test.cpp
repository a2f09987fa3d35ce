#include "medisyn/curate/perceptual_hash.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "../expect_error.h"

namespace medisyn {
namespace {

/// Waves of a few lengths and directions: a picture with structure at every size.
Image waves(int height, int width, double seed, double gain = 1.0) {
  Image image{height, width, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      const double v = (y + 0.5) / height;
      const double u = (x + 0.5) / width;
      const double value = std::sin(7 * u + 3 * seed) + std::cos(5 * v * seed) + std::sin(11 * u * v + seed);
      const double grey = std::clamp(gain * (110 + 30 * value), 0.0, 255.0);
      image.pixels.insert(image.pixels.end(), 3, static_cast<std::uint8_t>(std::lround(grey)));
    }
  }
  return image;
}

TEST(PerceptualHash, ComesBackFromItsText) {
  const PerceptualHash hash = perceptual_hash(waves(50, 70, 1.3));
  EXPECT_EQ(hash.text().size(), 352U);
  EXPECT_EQ(PerceptualHash::from_text(hash.text()), hash);
}

TEST(PerceptualHash, RefusesOtherTexts) {
  std::string text = perceptual_hash(waves(50, 70, 1.3)).text();
  EXPECT_ERROR(PerceptualHash::from_text(""), "352 letters, found 0");
  EXPECT_ERROR(PerceptualHash::from_text(text + "A"), "found 353");
  text[17] = '\n';
  EXPECT_ERROR(PerceptualHash::from_text(text), "character 10 at position 17");
  text[17] = '=';
  EXPECT_ERROR(PerceptualHash::from_text(text), "position 17");
}

TEST(PerceptualHash, HalfOfTheBitsAreSet) {
  EXPECT_EQ(std::popcount(perceptual_hash(waves(64, 64, 0.7)).bits), 32);
}

TEST(PerceptualHash, BitsAreTheSignsOfOneWave) {
  // cos(pi (2 x + 1) u / 64) cos(pi (2 y + 1) v / 64) with u = 3, v = 2 has one coefficient above all others.
  Image image{32, 32, {}};
  for (int y = 0; y < 32; ++y) {
    for (int x = 0; x < 32; ++x) {
      const double value = std::cos(M_PI * (2 * x + 1) * 3 / 64) * std::cos(M_PI * (2 * y + 1) * 2 / 64);
      image.pixels.insert(image.pixels.end(), 3, static_cast<std::uint8_t>(std::lround(128 + 100 * value)));
    }
  }
  const std::uint64_t bit = std::uint64_t{1} << (63 - ((2 - 1) * 8 + (3 - 1)));
  EXPECT_NE(perceptual_hash(image).bits & bit, 0U);
  for (std::uint8_t& pixel : image.pixels) {
    pixel = static_cast<std::uint8_t>(255 - pixel);
  }
  EXPECT_EQ(perceptual_hash(image).bits & bit, 0U);
}

TEST(PerceptualHash, SizeAndBrightnessHardlyMatter) {
  for (const double seed : {0.4, 1.1, 2.3, 3.8}) {
    const PerceptualHash hash = perceptual_hash(waves(256, 256, seed));
    const PerceptualHash larger = perceptual_hash(waves(512, 512, seed));
    const PerceptualHash wide = perceptual_hash(waves(100, 333, seed));
    const PerceptualHash brighter = perceptual_hash(waves(256, 256, seed, 1.1));
    for (const PerceptualHash& other : {larger, wide, brighter}) {
      EXPECT_LE(hash_distance(hash, other), 2) << seed;
      EXPECT_GE(thumbnail_correlation(hash, other), 0.999) << seed;
    }
  }
}

TEST(PerceptualHash, TellsPicturesApart) {
  const PerceptualHash a = perceptual_hash(waves(128, 128, 0.4));
  const PerceptualHash b = perceptual_hash(waves(128, 128, 3.8));
  EXPECT_GE(hash_distance(a, b), 16);
  EXPECT_LE(thumbnail_correlation(a, b), 0.9);
}

/// A thumbnail of two tones, with every eighth value moved by `noise`.
PerceptualHash two_tones(int contrast, int noise) {
  PerceptualHash hash;
  for (std::size_t i = 0; i < hash.thumbnail.size(); ++i) {
    const int tone = i % 2 == 0 ? contrast : -contrast;
    hash.thumbnail[i] = static_cast<std::uint8_t>(100 + tone + (i % 8 == 3 ? noise : 0));
  }
  return hash;
}

TEST(PerceptualHash, CorrelationAndDeviationAreTheTextbooks) {
  // x = +-c in turns; y = x + n where i % 8 = 3 (there x = -c): mean n / 8, cov(x, y) = c^2 - c n / 8,
  // var y = c^2 - c n / 4 + n^2 (1 / 8 - 1 / 64)
  const double c = 40;
  const double n = 24;
  const PerceptualHash x = two_tones(40, 0);
  const PerceptualHash y = two_tones(40, 24);
  const double variance = c * c - c * n / 4 + n * n * (1.0 / 8 - 1.0 / 64);
  EXPECT_NEAR(thumbnail_deviation(x), c, 1e-9);
  EXPECT_NEAR(thumbnail_deviation(y), std::sqrt(variance), 1e-9);
  EXPECT_NEAR(thumbnail_correlation(x, y), (c * c - c * n / 8) / (c * std::sqrt(variance)), 1e-12);
}

TEST(PerceptualHash, NoiseExcusesALowCorrelation) {
  EXPECT_TRUE(are_alike(two_tones(3, 0), two_tones(3, 5), 0.995));
  EXPECT_LT(thumbnail_correlation(two_tones(3, 0), two_tones(3, 5)), 0.95);
  EXPECT_FALSE(are_alike(two_tones(30, 0), two_tones(30, 50), 0.995));  // the same at ten times the contrast
  EXPECT_TRUE(are_alike(two_tones(30, 0), two_tones(30, 50), 0.8));
  EXPECT_FALSE(are_alike(two_tones(3, 0), two_tones(-3, 0), 0.995));
}

TEST(PerceptualHash, ThumbnailIsTheMeanOfAreas) {
  Image image{16, 32, {}};
  for (int i = 0; i < 16 * 32; ++i) {
    image.pixels.insert(image.pixels.end(), 3, static_cast<std::uint8_t>(i % 2 == 0 ? 10 : 30));
  }
  for (const std::uint8_t value : perceptual_hash(image).thumbnail) {
    EXPECT_EQ(value, 20);
  }
}

TEST(PerceptualHash, TakesPicturesOfAnySize) {
  for (const auto& [height, width] : {std::pair{1, 1}, {1, 500}, {7, 3}, {33, 31}}) {
    const PerceptualHash hash =
        perceptual_hash({height, width, std::vector<std::uint8_t>(3U * height * width, 77)});
    EXPECT_EQ(hash.thumbnail[0], 77);
    EXPECT_EQ(hash.thumbnail[255], 77);
    EXPECT_EQ(thumbnail_correlation(hash, hash), 0);
  }
  EXPECT_ERROR(perceptual_hash({}), "0 x 0 pixels");
}

}  // namespace
}  // namespace medisyn
