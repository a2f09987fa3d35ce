#include "medisyn/eval/frechet_spread.h"

#include <gtest/gtest.h>

#include "medisyn/core/log.h"

namespace medisyn {
namespace {

class Spread : public testing::Test {
 protected:
  void SetUp() override {
    set_quiet(true);
    torch::manual_seed(1);
  }
  void TearDown() override { set_quiet(false); }

  /// A standard Gaussian's own moments.
  static Moments exact(std::int64_t width) {
    return {torch::zeros({width}, torch::kDouble), torch::eye(width, torch::kDouble), 0};
  }
};

// Against the exact moments of the distribution that was drawn from, the distance is all bias.
TEST_F(Spread, InfinitelyManyImagesRemoveTheBias) {
  const FrechetFrom real(exact(40));
  const torch::Tensor generated = torch::randn({4000, 40});
  const InfiniteFrechet found = frechet_at_infinity(real, generated, 15, 0);
  ASSERT_EQ(found.sizes.size(), 15U);
  EXPECT_EQ(found.sizes.front(), 2000);
  EXPECT_EQ(found.sizes.back(), 4000);
  EXPECT_GT(found.distances.front(), found.distances.back());
  EXPECT_NEAR(found.distances.back(), real.to(moments_of(statistics_of(generated))), 1e-9);
  EXPECT_LT(std::abs(found.distance), found.distances.back() / 5);
  EXPECT_EQ(found.distance, frechet_at_infinity(real, generated, 15, 0).distance);
  EXPECT_NE(found.distance, frechet_at_infinity(real, generated, 15, 1).distance);
}

TEST_F(Spread, FewImagesGiveFewSizes) {
  const InfiniteFrechet found = frechet_at_infinity(FrechetFrom(exact(3)), torch::randn({5, 3}), 15, 0);
  EXPECT_EQ(found.sizes, (std::vector<std::int64_t>{2, 3, 4, 5}));
  EXPECT_TRUE(std::isfinite(found.distance));
  EXPECT_THROW(frechet_at_infinity(FrechetFrom(exact(3)), torch::randn({3, 3}), 15, 0), c10::Error);
}

// The standard error of many draws of the distribution itself.
TEST_F(Spread, IntervalIsAsWideAsDrawsAreApart) {
  const auto draw = [] { return torch::randn({300, 4}) + 0.5; };
  const FrechetFrom real(exact(4));
  std::vector<double> distances;
  for (int i = 0; i < 200; ++i) {
    distances.push_back(real.to(moments_of(statistics_of(draw()))));
  }
  const double expected = torch::tensor(distances, torch::kDouble).std().item<double>();
  const double distance = distances[0];
  torch::manual_seed(1);
  const FrechetInterval found = frechet_interval(distance, {}, real, draw(), 200, 0);
  EXPECT_EQ(found.resamples, 200);
  EXPECT_NEAR(found.std, expected, 0.3 * expected);
  EXPECT_NEAR(found.high - distance, 1.96 * found.std, 1e-3);
  EXPECT_LT(found.low, distance);
  const FrechetInterval both = frechet_interval(distance, torch::randn({300, 4}), real, draw(), 200, 0);
  EXPECT_GT(both.std, found.std);
}

}  // namespace
}  // namespace medisyn
