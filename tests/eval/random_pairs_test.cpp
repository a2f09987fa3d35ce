#include "medisyn/eval/random_pairs.h"

#include <c10/util/Exception.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

namespace medisyn {
namespace {

TEST(RandomPairs, CoverEveryImageOnceAtLeast) {
  for (const std::int64_t n : {2, 5, 10, 101}) {
    for (const std::int64_t count : {(n + 1) / 2, n, n * 3}) {
      const auto pairs = random_pairs(n, count, 3);
      std::set<std::int64_t> covered;
      std::set<std::pair<std::int64_t, std::int64_t>> different;
      for (const auto& [a, b] : pairs) {
        EXPECT_LT(a, b);
        EXPECT_GE(a, 0);
        EXPECT_LT(b, n);
        covered.insert({a, b});
        different.emplace(a, b);
      }
      EXPECT_EQ(static_cast<std::int64_t>(covered.size()), n);
      EXPECT_EQ(different.size(), pairs.size());
      EXPECT_EQ(static_cast<std::int64_t>(pairs.size()), std::min(count, n * (n - 1) / 2));
    }
  }
}

TEST(RandomPairs, AreSeeded) {
  EXPECT_EQ(random_pairs(30, 50, 1), random_pairs(30, 50, 1));
  EXPECT_NE(random_pairs(30, 50, 1), random_pairs(30, 50, 2));
}

TEST(RandomPairs, AreSpreadEvenly) {
  std::vector<int> uses(20);
  for (const auto& [a, b] : random_pairs(20, 150, 5)) {
    ++uses[static_cast<std::size_t>(a)];
    ++uses[static_cast<std::size_t>(b)];
  }
  EXPECT_GE(*std::min_element(uses.begin(), uses.end()), 9);
}

TEST(RandomPairs, TooFewToHoldEveryImageAreRefused) {
  EXPECT_THROW(random_pairs(10, 4, 0), c10::Error);
  EXPECT_THROW(random_pairs(1, 1, 0), c10::Error);
}

}  // namespace
}  // namespace medisyn
