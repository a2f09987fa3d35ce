#include "medisyn/eval/ms_ssim.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <numeric>

#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"

namespace medisyn {
namespace {

using Formula = std::function<std::int64_t(std::int64_t c, std::int64_t y, std::int64_t x)>;

Image paint(int height, int width, const Formula& formula) {
  Image image{height, width, {}};
  for (int i = 0; i < height * width * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(formula(i % 3, i / 3 / width, i / 3 % width)));
  }
  return image;
}

std::int64_t triangle(std::int64_t period, std::int64_t at) {
  return std::abs(at % (2 * period) - period) * 127 / period;
}

/// The formulas of scripts/golden/msssim.py.
Image image(const std::string& kind, int height, int width) {
  const auto waves = [=](std::int64_t shift) -> Formula {
    return [=](std::int64_t c, std::int64_t y, std::int64_t x) {
      return triangle(23 + 4 * c, 3 * x + 2 * y + shift) + triangle(31 - 5 * c, 5 * y - x + 4 * width);
    };
  };
  const auto noise = [](std::int64_t seed) -> Formula {
    return [=](std::int64_t c, std::int64_t y, std::int64_t x) {
      const std::int64_t value = (x * 7919 + y * 104729 + c * 1299709 + seed) % 65521;
      return value * value % 65521 % 256;
    };
  };
  const auto flat = [](std::int64_t value) -> Formula {
    return [=](std::int64_t, std::int64_t, std::int64_t) { return value; };
  };
  const std::map<std::string, Formula> formulas = {
      {"waves", waves(0)},
      {"shifted", waves(6)},
      {"negative", [=](std::int64_t c, std::int64_t y, std::int64_t x) { return 255 - waves(0)(c, y, x); }},
      {"noise", noise(1)},
      {"other noise", noise(17)},
      {"grey", flat(128)},
      {"white", flat(255)},
      {"black", flat(0)}};
  return paint(height, width, formulas.at(kind));
}

double score(const Image& a, const Image& b, std::int64_t scales) {
  return ms_ssim(prepare_ms_ssim(a, scales), prepare_ms_ssim(b, scales));
}

TEST(MsSsim, EqualsPytorchMsssim) {
  const Json cases = Json::parse(read_file(std::string(MEDISYN_TEST_DATA) + "/msssim.json"));
  ASSERT_EQ(cases.size(), 72U);
  double largest = 0;
  for (const Json& entry : cases) {
    const int height = entry["height"];
    const int width = entry["width"];
    const double found =
        score(image(entry["a"], height, width), image(entry["b"], height, width), entry["scales"]);
    EXPECT_NEAR(found, entry["ms_ssim"].get<double>(), 1e-5) << entry.dump();
    largest = std::max(largest, std::abs(found - entry["ms_ssim"].get<double>()));
  }
  RecordProperty("largest_difference", std::to_string(largest));
}

TEST(MsSsim, OfAnImageWithItselfIsOne) {
  for (const char* kind : {"waves", "noise", "black"}) {
    EXPECT_NEAR(score(image(kind, 41, 50), image(kind, 41, 50), 3), 1, 1e-5) << kind;
  }
}

TEST(MsSsim, IsSymmetricAndNeverNegative) {
  const Image a = image("waves", 64, 64);
  const Image b = image("negative", 64, 64);
  const Image c = image("noise", 64, 64);
  EXPECT_EQ(score(a, b, 3), 0) << "contrast of opposite sign";
  EXPECT_EQ(score(a, c, 3), score(c, a, 3));
  EXPECT_GT(score(a, c, 3), 0);
}

TEST(MsSsim, SizesAndWeights) {
  EXPECT_EQ(least_pixels(5), 161);
  EXPECT_EQ(least_pixels(3), 41);
  EXPECT_EQ(ms_ssim_weights(5), (std::vector<double>{0.0448, 0.2856, 0.3001, 0.2363, 0.1333}));
  const std::vector<double> three = ms_ssim_weights(3);
  EXPECT_NEAR(std::accumulate(three.begin(), three.end(), 0.0), 1, 1e-12);
  EXPECT_NEAR(three[0] / three[2], 0.0448 / 0.3001, 1e-12);
  EXPECT_THROW(prepare_ms_ssim(image("grey", 40, 64), 3), c10::Error);
  EXPECT_THROW(ms_ssim_weights(6), c10::Error);
  EXPECT_THROW(score(image("grey", 41, 41), image("grey", 41, 42), 3), c10::Error);
}

}  // namespace
}  // namespace medisyn
