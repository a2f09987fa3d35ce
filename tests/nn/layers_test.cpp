#include "medisyn/nn/layers.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "medisyn/nn/embeddings.h"

namespace medisyn {
namespace {

/// The same seed must give the same weights and outputs as torch's own layer.
template <class Ours, class Theirs>
void expect_same(Ours ours, Theirs theirs, const torch::Tensor& input) {
  const auto expected = theirs->named_parameters();
  for (const auto& item : ours->named_parameters()) {
    EXPECT_TRUE(torch::equal(item.value(), expected[item.key()])) << item.key();
  }
  EXPECT_TRUE(torch::equal(ours->forward(input), theirs->forward(input)));
}

template <class Make>
auto seeded(Make make) {
  torch::manual_seed(5);
  return make();
}

TEST(Layers, AreTorchsOwnBitForBit) {
  torch::manual_seed(1);
  const torch::Tensor rows = torch::randn({3, 6});
  const torch::Tensor images = torch::randn({2, 4, 7, 9});
  expect_same(seeded([] { return Linear(6, 5); }), seeded([] { return torch::nn::Linear(6, 5); }), rows);
  expect_same(seeded([] { return Conv2d(ConvShape{.in = 4, .out = 6, .stride = 2}); }), seeded([] {
                return torch::nn::Conv2d(torch::nn::Conv2dOptions(4, 6, 3).stride(2).padding(1));
              }),
              images);
  expect_same(seeded([] { return LayerNorm(6, 1e-5); }),
              seeded([] { return torch::nn::LayerNorm(torch::nn::LayerNormOptions({6})); }), rows);
  expect_same(seeded([] { return GroupNorm(2, 4, 1e-6); }),
              seeded([] { return torch::nn::GroupNorm(torch::nn::GroupNormOptions(2, 4).eps(1e-6)); }),
              images);
  expect_same(seeded([] { return Embedding(9, 4); }), seeded([] { return torch::nn::Embedding(9, 4); }),
              torch::tensor({1, 8, 0}));
}

TEST(Layers, UninitialisedParametersDrawNothing) {
  torch::manual_seed(5);
  const torch::Tensor expected = torch::rand(1);
  torch::manual_seed(5);
  {
    const UninitialisedParameters guard;
    EXPECT_TRUE(UninitialisedParameters::active());
    const Linear layer(100, 100);
  }
  EXPECT_FALSE(UninitialisedParameters::active());
  EXPECT_TRUE(torch::equal(torch::rand(1), expected));
}

TEST(Embeddings, SinusoidsAreTheFormula) {
  const torch::Tensor found = sinusoidal_embedding(torch::tensor({0, 3}), 6, false, 1);
  ASSERT_EQ(found.sizes(), (torch::IntArrayRef{2, 6}));
  for (int i = 0; i < 3; ++i) {
    const double angle = 3 * std::pow(10000.0, -i / (3.0 - 1.0));
    EXPECT_NEAR(found[1][i].item<double>(), std::sin(angle), 1e-6);
    EXPECT_NEAR(found[1][i + 3].item<double>(), std::cos(angle), 1e-6);
  }
  const torch::Tensor flipped = sinusoidal_embedding(torch::tensor({0, 3}), 6, true, 1);
  EXPECT_TRUE(torch::equal(flipped, torch::cat({found.narrow(1, 3, 3), found.narrow(1, 0, 3)}, 1)));
  EXPECT_EQ(sinusoidal_embedding(torch::tensor({3}), 7, false, 0)[0][6].item<float>(), 0);
}

}  // namespace
}  // namespace medisyn
