#include "medisyn/stats/delong.h"

#include <cmath>
#include <vector>

#include "../expect_error.h"
#include "golden_scores.h"

namespace medisyn {
namespace {

TEST(DeLong, EqualsTheDefinition) {
  const Json cases = golden_aurocs("comparisons");
  ASSERT_GE(cases.size(), 10U);
  for (const Json& entry : cases) {
    const std::int64_t seed = entry["seed"];
    const GoldenScores first = golden_scores(entry, seed);
    std::vector<double> second = golden_scores(entry, seed + 10).scores;
    for (std::size_t i = 0; i < second.size(); ++i) {
      second[i] += first.scores[i];
    }
    const AurocInterval interval = delong_interval(first.scores, first.positives).value();
    const AurocComparison test = delong_test(first.scores, second, first.positives).value();
    const auto expect_near = [&](double found, const char* key, double bound) {
      EXPECT_NEAR(found, entry[key].get<double>(), bound) << key << " of " << entry.dump();
    };
    expect_near(interval.auroc, "auroc", 1e-12);
    expect_near(interval.variance, "variance", 1e-12);
    expect_near(interval.low, "low", 1e-10);
    expect_near(interval.high, "high", 1e-10);
    expect_near(test.first, "auroc", 1e-12);
    expect_near(test.second, "second", 1e-12);
    expect_near(test.variance, "variance_of_difference", 1e-12);
    expect_near(test.z, "z", 1e-8);
    expect_near(test.p, "p", 1e-9);
  }
}

const std::vector<std::uint8_t> kHalf = {1, 1, 1, 0, 0, 0};

TEST(DeLong, PerfectScoresHaveNoVariance) {
  const std::vector<double> scores = {9, 8, 7, 3, 2, 1};
  const AurocInterval interval = delong_interval(scores, kHalf).value();
  EXPECT_EQ(interval.auroc, 1);
  EXPECT_EQ(interval.variance, 0);
  EXPECT_EQ(interval.low, 1);
  EXPECT_EQ(interval.high, 1);
}

TEST(DeLong, IntervalIsCutAtOneAndGrowsWithItsLevel) {
  const std::vector<double> scores = {9, 8, 2.5, 3, 2, 1};
  const AurocInterval narrow = delong_interval(scores, kHalf, 0.5).value();
  const AurocInterval wide = delong_interval(scores, kHalf, 0.99).value();
  EXPECT_LT(wide.low, narrow.low);
  EXPECT_EQ(wide.high, 1);
  EXPECT_GE(wide.low, 0);
}

TEST(DeLong, ScoresThatRankAlikeDoNotDiffer) {
  const std::vector<double> scores = {9, 8, 2.5, 3, 2, 1};
  std::vector<double> squares;
  for (const double score : scores) {
    squares.push_back(score * score);
  }
  const AurocComparison test = delong_test(scores, squares, kHalf).value();
  EXPECT_EQ(test.first, test.second);
  EXPECT_EQ(test.z, 0);
  EXPECT_EQ(test.p, 1);
}

TEST(DeLong, TurnsWithTheOrder) {
  const std::vector<double> good = {9, 8, 2.5, 3, 2, 1};
  const std::vector<double> bad = {1, 8, 2.5, 3, 2, 4};
  const AurocComparison up = delong_test(bad, good, kHalf).value();
  const AurocComparison down = delong_test(good, bad, kHalf).value();
  EXPECT_GT(up.z, 0);
  EXPECT_NEAR(up.z, -down.z, 1e-12);
  EXPECT_NEAR(up.p, down.p, 1e-12);
}

TEST(DeLong, NeedsTwoOfEachKind) {
  const std::vector<double> scores = {1, 2, 3};
  EXPECT_FALSE(delong_interval(scores, std::vector<std::uint8_t>{1, 0, 0}));
  EXPECT_FALSE(delong_interval(scores, std::vector<std::uint8_t>{0, 0, 0}));
  EXPECT_FALSE(delong_test(scores, scores, std::vector<std::uint8_t>{1, 1, 0}));
  EXPECT_ERROR(delong_interval(scores, kHalf), "for each of 3 scores");
  EXPECT_ERROR(delong_interval(std::vector<double>(6, INFINITY), kHalf), "not finite");
}

}  // namespace
}  // namespace medisyn
