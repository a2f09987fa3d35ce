#include "medisyn/core/random_key.h"

#include <gtest/gtest.h>

#include <bitset>
#include <set>

namespace medisyn {
namespace {

TEST(RandomKey, DependsOnEveryPartAndTheirOrder) {
  EXPECT_EQ(random_key({1, 2, 3}), random_key({1, 2, 3}));
  std::set<std::uint32_t> keys;
  for (const auto& parts :
       {random_key({1, 2, 3}), random_key({1, 3, 2}), random_key({1, 2}), random_key({1, 2, 3, 0}),
        random_key({1ULL << 40U, 2, 3}), random_key({1ULL << 63U, 2, 3})}) {
    keys.insert(parts);
  }
  EXPECT_EQ(keys.size(), 6U);
}

TEST(RandomKey, OneBitOfInputFlipsHalfTheOutput) {
  double flipped = 0;
  constexpr int kTrials = 64 * 20;
  for (std::uint64_t i = 0; i < kTrials; ++i) {
    const std::uint64_t sample = i / 64;
    const auto change = random_key({7, sample}) ^ random_key({7, sample ^ (1ULL << (i % 64))});
    flipped += static_cast<double>(std::bitset<32>(change).count());
  }
  EXPECT_NEAR(flipped / kTrials, 16, 0.5);
}

TEST(RandomKey, NeighboursDoNotCollideMoreThanChance) {
  std::set<std::uint32_t> keys;
  constexpr std::uint64_t kCount = 100'000;
  for (std::uint64_t i = 0; i < kCount; ++i) {
    keys.insert(random_key({0, i % 10, i / 10}));
  }
  EXPECT_GE(keys.size(), kCount - 10);  // 1.2 collisions expected of 32-bit keys
}

TEST(RandomKey, HashTextIsFnv1a) {
  EXPECT_EQ(hash_text(""), 0xCBF29CE484222325ULL);
  EXPECT_EQ(hash_text("a"), 0xAF63DC4C8601EC8CULL);
}

}  // namespace
}  // namespace medisyn
