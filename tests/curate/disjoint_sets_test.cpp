#include "medisyn/curate/disjoint_sets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

namespace medisyn {
namespace {

TEST(DisjointSets, EveryElementIsASetAtFirst) {
  DisjointSets sets(3);
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(sets.find(i), i);
    EXPECT_EQ(sets.size_of(i), 1U);
  }
}

TEST(DisjointSets, JoinSaysWhetherThereWereTwo) {
  DisjointSets sets(4);
  EXPECT_TRUE(sets.join(0, 1));
  EXPECT_FALSE(sets.join(1, 0));
  EXPECT_FALSE(sets.join(2, 2));
  EXPECT_TRUE(sets.join(2, 3));
  EXPECT_NE(sets.find(0), sets.find(3));
  EXPECT_TRUE(sets.join(3, 0));
  EXPECT_EQ(sets.find(1), sets.find(2));
  EXPECT_EQ(sets.size_of(1), 4U);
}

TEST(DisjointSets, EqualLabelsThatSpread) {
  constexpr std::size_t kCount = 200;
  std::mt19937 random(7);
  DisjointSets sets(kCount);
  std::vector<std::size_t> label(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    label[i] = i;
  }
  for (int step = 0; step < 150; ++step) {
    const std::size_t a = random() % kCount;
    const std::size_t b = random() % kCount;
    EXPECT_EQ(sets.join(a, b), label[a] != label[b]);
    std::replace(label.begin(), label.end(), std::size_t{label[b]}, std::size_t{label[a]});
  }
  for (std::size_t i = 0; i < kCount; ++i) {
    EXPECT_EQ(sets.size_of(i), static_cast<std::size_t>(std::count(label.begin(), label.end(), label[i])));
    for (std::size_t j = 0; j < kCount; ++j) {
      EXPECT_EQ(sets.find(i) == sets.find(j), label[i] == label[j]);
    }
  }
}

TEST(DisjointSets, AChainOfAMillion) {
  constexpr std::size_t kCount = 1'000'000;
  DisjointSets sets(kCount);
  for (std::size_t i = 1; i < kCount; ++i) {
    sets.join(i - 1, i);
  }
  EXPECT_EQ(sets.size_of(kCount / 2), kCount);
  EXPECT_EQ(sets.find(0), sets.find(kCount - 1));
}

}  // namespace
}  // namespace medisyn
