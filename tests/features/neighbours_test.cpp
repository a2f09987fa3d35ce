#include "medisyn/features/neighbours.h"

#include <gtest/gtest.h>
#include <torch/types.h>

namespace medisyn {
namespace {

TEST(Neighbours, EqualBruteForceAcrossBlocks) {
  torch::manual_seed(0);
  const torch::Tensor queries = torch::randn({1500, 8});
  const torch::Tensor references = torch::randn({40, 8}) * 3;
  const Neighbours found = nearest_by_cosine(queries, references, 3);
  const torch::Tensor scores = torch::cosine_similarity(queries.unsqueeze(1).to(torch::kDouble),
                                                        references.unsqueeze(0).to(torch::kDouble), 2);
  const auto [values, indices] = scores.topk(3, 1);
  EXPECT_TRUE(torch::equal(found.indices, indices));
  EXPECT_TRUE(torch::allclose(found.similarity.to(torch::kDouble), values, 0, 1e-5));
}

TEST(Neighbours, BlocksOfReferencesAreOneSet) {
  torch::manual_seed(1);
  const torch::Tensor queries = torch::randn({3, 6});
  const torch::Tensor references = torch::randn({70'000, 6});
  const torch::Tensor scores = torch::cosine_similarity(queries.unsqueeze(1).to(torch::kDouble),
                                                        references.unsqueeze(0).to(torch::kDouble), 2);
  for (const std::int64_t k : {1, 5}) {
    const Neighbours found = nearest_by_cosine(queries, references, k);
    EXPECT_TRUE(
        torch::allclose(found.similarity.to(torch::kDouble), std::get<0>(scores.topk(k, 1)), 0, 1e-6));
    EXPECT_TRUE(
        torch::allclose(scores.gather(1, found.indices), found.similarity.to(torch::kDouble), 0, 1e-6));
  }
  // The nearest of all stands in the second block.
  const torch::Tensor twin = torch::cat({references, queries * 2});
  EXPECT_TRUE(
      torch::equal(nearest_by_cosine(queries, twin, 2).indices.select(1, 0), torch::arange(3) + 70'000));
}

TEST(Neighbours, LengthDoesNotMatter) {
  const torch::Tensor references = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  const Neighbours found = nearest_by_cosine(torch::tensor({{100.0F, 1.0F}}), references, 1);
  EXPECT_EQ(found.indices.item<std::int64_t>(), 0);
}

TEST(Neighbours, MoreThanThereAreIsRefused) {
  EXPECT_THROW(nearest_by_cosine(torch::ones({1, 2}), torch::ones({2, 2}), 3), c10::Error);
}

}  // namespace
}  // namespace medisyn
