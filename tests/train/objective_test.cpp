#include "medisyn/train/objective.h"

#include <gtest/gtest.h>

namespace medisyn {
namespace {

// e = [1 2; 3 6]: |e| sums to 12, e^2 to 50, differences along x are 1 and 3, along y 2 and 4.
TEST(ReconstructionLoss, IsTheWeightedSumOfItsThreeMeans) {
  const torch::Tensor images = torch::full({1, 1, 2, 2}, 10.0, torch::kDouble);
  const torch::Tensor decoded = images + torch::tensor({{1.0, 2.0}, {3.0, 6.0}}).view({1, 1, 2, 2});
  const auto loss = [&](double l1, double l2, double gradient) {
    VaeLossConfig weights;
    weights.l1 = l1;
    weights.l2 = l2;
    weights.gradient = gradient;
    return reconstruction_loss(decoded, images, weights).item<double>();
  };
  EXPECT_DOUBLE_EQ(loss(1, 0, 0), 12.0 / 4);
  EXPECT_DOUBLE_EQ(loss(0, 1, 0), 50.0 / 4);
  EXPECT_DOUBLE_EQ(loss(0, 0, 1), 10.0 / 2 + 20.0 / 2);
  EXPECT_DOUBLE_EQ(loss(0.1, 2, 3), 0.3 + 25.0 + 45.0);
}

TEST(ReconstructionLoss, ItsGradientTermIgnoresAConstantOffset) {
  VaeLossConfig weights;
  weights.l1 = 0;
  weights.gradient = 1;
  const torch::Tensor images = torch::rand({2, 3, 8, 8}, torch::kDouble);
  EXPECT_NEAR(reconstruction_loss(images + 0.5, images, weights).item<double>(), 0, 1e-12);
}

}  // namespace
}  // namespace medisyn
