// wilson, fleiss_kappa and mann_whitney. Numbers without a source come from statsmodels and scipy.
#include <gtest/gtest.h>

#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/stats/fleiss_kappa.h"
#include "medisyn/stats/mann_whitney.h"
#include "medisyn/stats/wilson.h"

namespace medisyn {
namespace {

TEST(Wilson, IsTheRootOfItsEquation) {
  const double z = normal_quantile_two_sided(0.95);
  EXPECT_NEAR(z, 1.959963984540054, 1e-12);
  for (const std::int64_t hits : {0, 1, 13, 34}) {
    const RateInterval interval = wilson_interval(hits, 34);
    for (const double p : {interval.low, interval.high}) {
      const double rate = static_cast<double>(hits) / 34;
      EXPECT_NEAR((rate - p) * (rate - p), z * z * p * (1 - p) / 34, 1e-15);
    }
    EXPECT_LT(interval.low, interval.high);
  }
  EXPECT_EQ(wilson_interval(0, 0).low, 0);
  EXPECT_EQ(wilson_interval(0, 0).high, 1);
}

/// The worked example of Fleiss (1971): 30 patients, 6 psychiatrists; here that of Wikipedia, 10 items.
TEST(FleissKappa, EqualsTheWorkedExample) {
  const std::vector<std::vector<std::int64_t>> counts = {
      {0, 0, 0, 0, 14}, {0, 2, 6, 4, 2}, {0, 0, 3, 5, 6}, {0, 3, 9, 2, 0}, {2, 2, 8, 1, 1},
      {7, 7, 0, 0, 0},  {3, 2, 6, 3, 0}, {2, 5, 3, 2, 2}, {6, 5, 2, 1, 0}, {0, 2, 2, 3, 7}};
  EXPECT_NEAR(*fleiss_kappa(counts), 0.2099, 5e-5);
  EXPECT_NEAR(*fleiss_kappa({{3, 0}, {0, 3}}), 1, 1e-15);
  EXPECT_FALSE(fleiss_kappa({{3, 0}, {3, 0}}));
  EXPECT_FALSE(fleiss_kappa({{1, 0}}));
  EXPECT_FALSE(fleiss_kappa({}));
  EXPECT_THROW(fleiss_kappa({{1, 1}, {2, 1}}), Error);
}

TEST(MannWhitney, EqualsScipy) {
  const std::vector<double> values = {1, 2, 2, 3, 5, 8, 8, 9};
  const std::vector<std::uint8_t> positives = {0, 0, 1, 0, 1, 1, 0, 1};
  const RankTest test = mann_whitney(values, positives);
  EXPECT_NEAR(test.auroc, 12.0 / 16, 1e-15);
  EXPECT_NEAR(test.p, 0.30649216504158383, 1e-12);
  EXPECT_EQ(mann_whitney(std::vector<double>(8, 7.0), positives).p, 1);
  EXPECT_EQ(mann_whitney(values, std::vector<std::uint8_t>(8, 1)).p, 1);
  std::vector<double> apart(40);
  std::vector<std::uint8_t> half(40);
  for (std::size_t i = 0; i < 40; ++i) {
    apart[i] = static_cast<double>(i);
    half[i] = i < 20 ? 1 : 0;
  }
  EXPECT_EQ(mann_whitney(apart, half).auroc, 0);
  EXPECT_LT(mann_whitney(apart, half).p, 1e-7);
}

}  // namespace
}  // namespace medisyn
