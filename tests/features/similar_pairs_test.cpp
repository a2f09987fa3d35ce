#include "medisyn/features/similar_pairs.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <limits>
#include <set>

namespace medisyn {
namespace {

/// Random rows, some of which are near-copies of others, across all stripes.
torch::Tensor rows_with_copies(std::int64_t count, std::int64_t width) {
  torch::manual_seed(0);
  torch::Tensor rows = torch::randn({count, width});
  for (std::int64_t i = 0; i + 7 < count; i += 5) {
    const std::int64_t other = (i * 7919 + 3) % count;
    rows[i] = rows[other] * 3 + torch::randn({width}) * 0.2;
  }
  return rows;
}

std::vector<SimilarPair> by_brute_force(const torch::Tensor& rows, double min_cosine) {
  const torch::Tensor wide = rows.to(torch::kDouble);
  const torch::Tensor unit = wide / wide.norm(2, 1, true).clamp_min(1e-300);
  const torch::Tensor found = unit.mm(unit.t()).triu(1).ge(min_cosine).nonzero();
  std::vector<SimilarPair> pairs;
  for (std::int64_t i = 0; i < found.size(0); ++i) {
    const auto a = found[i][0].item<std::int64_t>();
    const auto b = found[i][1].item<std::int64_t>();
    pairs.push_back({a, b, unit[a].dot(unit[b]).item<double>()});
  }
  return pairs;
}

void expect_same(const std::vector<SimilarPair>& found, const std::vector<SimilarPair>& expected) {
  ASSERT_EQ(found.size(), expected.size());
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_EQ(found[i].a, expected[i].a);
    EXPECT_EQ(found[i].b, expected[i].b);
    EXPECT_NEAR(found[i].cosine, expected[i].cosine, 1e-6);
  }
}

class SimilarPairs : public testing::TestWithParam<std::pair<std::int64_t, std::int64_t>> {};

TEST_P(SimilarPairs, EqualBruteForce) {
  const auto [count, width] = GetParam();
  const torch::Tensor rows = rows_with_copies(count, width);
  const auto expected = by_brute_force(rows, 0.9);
  EXPECT_GE(static_cast<std::int64_t>(expected.size()), count / 10);
  expect_same(similar_pairs(rows, 0.9), expected);
}

// Below, at and beyond a tile of 1,024; widths that no vector divides.
INSTANTIATE_TEST_SUITE_P(Sizes, SimilarPairs,
                         testing::Values(std::pair{30, 19}, std::pair{1023, 16}, std::pair{1024, 33},
                                         std::pair{1025, 64}, std::pair{3000, 20}));

TEST(SimilarPairs, StripesGiveWhatOneProductGives) {
  constexpr std::int64_t kCount = 17'000;  // two stripes at the left, three at the top
  torch::manual_seed(1);
  torch::Tensor rows = torch::randn({kCount, 32});
  std::vector<std::pair<std::int64_t, std::int64_t>> planted;
  for (const auto& [a, b] : {std::pair{0, 16'999},
                             {1'023, 1'024},
                             {8'191, 8'192},
                             {16'383, 16'384},
                             {5, 16'384},
                             {9'000, 16'383},
                             {16'390, 16'391}}) {
    rows[b] = rows[a] * 0.5;
    planted.emplace_back(a, b);
  }
  std::vector<std::pair<std::int64_t, std::int64_t>> found;
  for (const SimilarPair& pair : similar_pairs(rows, 0.95)) {
    found.emplace_back(pair.a, pair.b);
    EXPECT_NEAR(pair.cosine, 1, 1e-6);
  }
  // 16,383 and 16,384 were overwritten by copies of 9,000 and 5 afterwards.
  planted.erase(planted.begin() + 3);
  std::sort(planted.begin(), planted.end());
  EXPECT_EQ(found, planted);
}

TEST(SimilarPairs, ThresholdIsDecidedInDoublePrecision) {
  // Two rows at an angle whose cosine is 0.6 but for the rounding of a product in fp32.
  const torch::Tensor rows = torch::tensor({{1.0, 0.0}, {0.6, 0.8}}, torch::kDouble);
  EXPECT_EQ(similar_pairs(rows, 0.6 - 1e-7).size(), 1U);
  EXPECT_EQ(similar_pairs(rows, 0.6 + 1e-7).size(), 0U);
}

TEST(SimilarPairs, LengthDoesNotMatterAndZerosAreLikeNothing) {
  const torch::Tensor rows =
      torch::tensor({{1e-30, 2e-30}, {1e15, 2e15}, {0.0, 0.0}, {0.0, 0.0}, {2.0, -1.0}}, torch::kDouble);
  const auto pairs = similar_pairs(rows, 0.001);
  ASSERT_EQ(pairs.size(), 1U);
  EXPECT_EQ(pairs[0].a, 0);
  EXPECT_EQ(pairs[0].b, 1);
}

TEST(SimilarPairs, EveryPairOfEqualRowsIsFound) {
  constexpr std::int64_t kCount = 1500;
  const auto pairs = similar_pairs(torch::ones({kCount, 3}), 1 - 1e-6);
  EXPECT_EQ(static_cast<std::int64_t>(pairs.size()), kCount * (kCount - 1) / 2);
}

TEST(SimilarPairs, ThreadsDoNotMatter) {
  const torch::Tensor rows = rows_with_copies(2500, 40);
  const auto expected = similar_pairs(rows, 0.5);
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const auto found = similar_pairs(rows, 0.5);
  at::set_num_threads(threads);
  EXPECT_EQ(found, expected);
}

TEST(SimilarPairs, RowsComeInPiecesOfAnyFloatType) {
  const torch::Tensor rows = rows_with_copies(20'000, 8).to(torch::kHalf);
  std::set<std::int64_t> asked;
  double share = 0;
  std::int64_t found = 0;
  const RowSource source{rows.size(0), rows.size(1), [&](std::int64_t first, std::int64_t number) {
                           asked.insert(first);
                           EXPECT_LE(number, 16'384);
                           return rows.narrow(0, first, number).clone();
                         }};
  find_similar_pairs(
      source, 0.99,
      [&](std::span<const SimilarPair> pairs) { found += static_cast<std::int64_t>(pairs.size()); },
      [&](double done) {
        EXPECT_GT(done, share);
        share = done;
        return true;
      });
  EXPECT_DOUBLE_EQ(share, 1);
  EXPECT_EQ(asked, (std::set<std::int64_t>{0, 8192, 16384}));
  EXPECT_EQ(found, static_cast<std::int64_t>(similar_pairs(rows, 0.99).size()));
}

TEST(SimilarPairs, TheWatchEndsTheSearch) {
  int asked = 0;
  find_similar_pairs(
      row_source(torch::ones({20'000, 2})), 1, [](auto) {}, [&](double) { return ++asked < 2; });
  EXPECT_EQ(asked, 2);
}

TEST(SimilarPairs, FewRows) {
  EXPECT_TRUE(similar_pairs(torch::ones({0, 4}), 0.5).empty());
  EXPECT_TRUE(similar_pairs(torch::ones({1, 4}), 0.5).empty());
  EXPECT_EQ(similar_pairs(torch::ones({2, 1}), 0.5).size(), 1U);
}

TEST(SimilarPairs, WhatCannotBeComparedIsRefused) {
  torch::Tensor rows = torch::ones({3, 2});
  EXPECT_THROW(similar_pairs(rows, 0), c10::Error);
  EXPECT_THROW(similar_pairs(rows, 1.5), c10::Error);
  EXPECT_THROW(similar_pairs(rows[0], 0.5), c10::Error);
  rows[1][1] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THROW(similar_pairs(rows, 0.5), c10::Error);
}

}  // namespace
}  // namespace medisyn
