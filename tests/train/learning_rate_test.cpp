#include "medisyn/train/learning_rate.h"

#include <gtest/gtest.h>

namespace medisyn {
namespace {

TEST(LearningRate, ConstantAfterWarmUp) {
  OptimizerConfig config{.learning_rate = 2, .warmup_steps = 4};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 0, 100), 0.5);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 3, 100), 2);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 99, 100), 2);
}

TEST(LearningRate, LinearAndCosineEndAtTheFinalFraction) {
  OptimizerConfig config{.learning_rate = 1, .schedule = "linear", .warmup_steps = 10, .final_fraction = 0.2};
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 10, 110), 1);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 60, 110), 0.6);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 110, 110), 0.2);
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 500, 110), 0.2);
  config.schedule = "cosine";
  EXPECT_DOUBLE_EQ(learning_rate_at(config, 60, 110), 0.6);
  EXPECT_NEAR(learning_rate_at(config, 35, 110), 0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2, 1e-12);
}

}  // namespace
}  // namespace medisyn
