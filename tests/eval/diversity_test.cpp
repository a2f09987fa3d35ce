#include "medisyn/eval/diversity.h"

#include <gtest/gtest.h>

#include <set>

namespace medisyn {
namespace {

TEST(Diversity, PairsWithinAndBetweenPrompts) {
  std::vector<std::string> texts;
  for (int i = 0; i < 60; ++i) {
    texts.push_back(i < 50 ? "prompt " + std::to_string(i % 5) : "");
  }
  const DiversityPairs pairs = draw_diversity_pairs(texts, 100, 7);
  EXPECT_EQ(pairs.all.size(), 100U);
  ASSERT_EQ(pairs.within.size(), 100U);
  EXPECT_EQ(std::set<IndexPair>(pairs.within.begin(), pairs.within.end()).size(), 100U);
  for (const auto& [a, b] : pairs.within) {
    EXPECT_LT(a, b);
    EXPECT_LT(b, 50);
    EXPECT_EQ(texts[static_cast<std::size_t>(a)], texts[static_cast<std::size_t>(b)]);
  }
  EXPECT_EQ(draw_diversity_pairs(texts, 100, 7).within, pairs.within);
  EXPECT_NE(draw_diversity_pairs(texts, 100, 8).within, pairs.within);
}

TEST(Diversity, AllPairsOfFewAndNoneWithoutTexts) {
  EXPECT_EQ(random_pairs_within({{0, 2, 5}, {1}, {3, 4}}, 100, 0),
            (std::vector<IndexPair>{{0, 2}, {0, 5}, {2, 5}, {3, 4}}));
  EXPECT_TRUE(draw_diversity_pairs({"", "", ""}, 10, 0).within.empty());
  EXPECT_TRUE(draw_diversity_pairs({"a", "b", "c"}, 10, 0).within.empty());
  // A group larger than the exact square roots of single precision.
  std::vector<std::int64_t> members(100'000);
  for (std::size_t i = 0; i < members.size(); ++i) {
    members[i] = static_cast<std::int64_t>(i);
  }
  for (const auto& [a, b] : random_pairs_within({members}, 2000, 1)) {
    EXPECT_TRUE(a >= 0 && a < b && b < 100'000) << a << " " << b;
  }
}

TEST(Diversity, ScoresBetweenLeaveOutOnePromptAndNone) {
  EXPECT_EQ(scores_between({"a", "a", "b", ""}, {{0, 1}, {0, 2}, {1, 2}, {2, 3}},
                           std::vector<double>{0.1, 0.2, 0.3, 0.4}),
            (std::vector<double>{0.2, 0.3}));
}

TEST(Diversity, Summary) {
  const ScoreSummary summary = summarise(std::vector<double>{0, 0.5, 1, 0.5});
  EXPECT_DOUBLE_EQ(summary.mean, 0.5);
  EXPECT_NEAR(summary.std, 0.4082482904638631, 1e-15);  // statistics.stdev
  EXPECT_EQ(summary.zeros, 1);
  EXPECT_EQ(summary.pairs, 4);
  EXPECT_EQ(summarise(std::vector<double>{0.3}).std, 0);
}

}  // namespace
}  // namespace medisyn
