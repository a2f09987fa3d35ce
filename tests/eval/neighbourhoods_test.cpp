#include "medisyn/eval/neighbourhoods.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace medisyn {
namespace {

double distance(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.to(torch::kDouble) - b.to(torch::kDouble)).norm().item<double>();
}

std::vector<double> radii(const torch::Tensor& rows, std::size_t k) {
  std::vector<double> radii;
  for (std::int64_t i = 0; i < rows.size(0); ++i) {
    std::vector<double> all;
    for (std::int64_t j = 0; j < rows.size(0); ++j) {
      if (j != i) {
        all.push_back(distance(rows[i], rows[j]));
      }
    }
    std::sort(all.begin(), all.end());
    radii.push_back(all[k - 1]);
  }
  return radii;
}

TEST(Neighbourhoods, EqualTheDefinition) {
  torch::manual_seed(1);
  const torch::Tensor real = torch::randn({40, 3});
  const torch::Tensor generated = torch::randn({30, 3}) * 0.8 + 0.7;
  const auto real_radii = radii(real, 4);
  const auto generated_radii = radii(generated, 4);
  double precise = 0, recalled = 0, balls = 0, covered = 0;
  for (std::int64_t j = 0; j < 30; ++j) {
    bool is_inside = false;
    for (std::int64_t i = 0; i < 40; ++i) {
      const bool is_near = distance(real[i], generated[j]) <= real_radii[static_cast<std::size_t>(i)];
      balls += is_near ? 1 : 0;
      is_inside = is_inside || is_near;
    }
    precise += is_inside ? 1 : 0;
  }
  for (std::int64_t i = 0; i < 40; ++i) {
    bool is_inside = false;
    bool is_covered = false;
    for (std::int64_t j = 0; j < 30; ++j) {
      const double between = distance(real[i], generated[j]);
      is_inside = is_inside || between <= generated_radii[static_cast<std::size_t>(j)];
      is_covered = is_covered || between < real_radii[static_cast<std::size_t>(i)];
    }
    recalled += is_inside ? 1 : 0;
    covered += is_covered ? 1 : 0;
  }
  const Neighbourhoods found = neighbourhoods(real, generated, 4);
  EXPECT_NEAR(found.precision, precise / 30, 1e-12);
  EXPECT_NEAR(found.recall, recalled / 40, 1e-12);
  EXPECT_NEAR(found.density, balls / (4 * 30), 1e-12);
  EXPECT_NEAR(found.coverage, covered / 40, 1e-12);
  EXPECT_LT(found.precision, 1);
}

TEST(Neighbourhoods, OfTheSameSetAreWhole) {
  torch::manual_seed(2);
  const torch::Tensor rows = torch::randn({1500, 5}) + 1e3;  // more than a block
  const Neighbourhoods same = neighbourhoods(rows, rows, 5);
  EXPECT_EQ(same.precision, 1);
  EXPECT_EQ(same.recall, 1);
  EXPECT_EQ(same.coverage, 1);
  EXPECT_NEAR(same.density, 1, 1e-2);
  const Neighbourhoods apart = neighbourhoods(rows, rows + 50, 5);
  EXPECT_EQ(apart.precision + apart.recall + apart.density + apart.coverage, 0);
}

// Five equal real images: their balls have no radius, and a copy lies on the border.
TEST(Neighbourhoods, ACopyIsInABallWithoutRadius) {
  torch::manual_seed(3);
  const torch::Tensor one = torch::randn({1, 8}) * 100;
  const torch::Tensor real = torch::cat({one.expand({5, 8}), torch::randn({5, 8}) + 1e4});
  const torch::Tensor generated = torch::cat({one, torch::randn({5, 8}) - 1e4});
  EXPECT_NEAR(neighbourhoods(real, generated, 3).precision, 1.0 / 6, 1e-12);
}

// Modes that the generator misses lower recall and coverage, not precision.
TEST(Neighbourhoods, AMissingModeLowersRecallAlone) {
  torch::manual_seed(4);
  const torch::Tensor left = torch::randn({200, 4});
  const torch::Tensor real = torch::cat({left, torch::randn({200, 4}) + 30});
  const Neighbourhoods found = neighbourhoods(real, torch::randn({200, 4}), 5);
  EXPECT_GT(found.precision, 0.9);
  EXPECT_NEAR(found.recall, 0.5, 0.05);
  EXPECT_NEAR(found.coverage, 0.5, 0.05);
  EXPECT_THROW(neighbourhoods(left.narrow(0, 0, 5), real, 5), c10::Error);
}

}  // namespace
}  // namespace medisyn
