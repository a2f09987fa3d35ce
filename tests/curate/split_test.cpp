#include "medisyn/curate/split.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

namespace medisyn {
namespace {

TEST(Split, HashKeepsTheProportionsAndThePatient) {
  const SplitConfig config;
  std::map<std::string, int> counts;
  for (int i = 0; i < 10000; ++i) {
    const std::string patient = fmt::format("repo-{}", i);
    const auto side = choose_split(config, "repo", patient, {});
    EXPECT_EQ(side, choose_split(config, "repo", patient, {0.9, 1.0, 0.0}));  // whatever the image
    ++counts[side.value()];
  }
  EXPECT_NEAR(counts["train"], 8000, 200);  // five standard deviations of 40
  EXPECT_NEAR(counts["validation"], 1000, 150);
  EXPECT_NEAR(counts["test"], 1000, 150);
}

TEST(Split, RatioOfZeroLeavesASideEmpty) {
  SplitConfig config;
  config.ratio = {4, 0, 1};
  for (int i = 0; i < 1000; ++i) {
    EXPECT_NE(choose_split(config, "r", std::to_string(i), {}), "validation");
  }
}

TEST(Split, ListedPatients) {
  SplitConfig config;
  config.rule = "patients";
  config.test = {"7", "r-8"};
  config.validation = {"9"};
  EXPECT_EQ(choose_split(config, "r", "r-7", {}), "test");
  EXPECT_EQ(choose_split(config, "r", "r-8", {}), "test");
  EXPECT_EQ(choose_split(config, "r", "r-9", {}), "validation");
  EXPECT_EQ(choose_split(config, "r", "r-77", {}), "train");
}

TEST(Split, HeldOutPartsDoNotOverlapTraining) {
  SplitConfig config;
  config.rule = "region";
  config.from = 0.75;
  EXPECT_EQ(choose_split(config, "r", "p", {0.5, 0.75, 0.0}), "train");
  EXPECT_EQ(choose_split(config, "r", "p", {0.75, 1.0, 0.0}), "test");
  EXPECT_EQ(choose_split(config, "r", "p", {0.6, 0.85, 0.0}), std::nullopt);
  config.rule = "frames";
  EXPECT_EQ(choose_split(config, "r", "p", {0.70, 0.71, 0.1}), std::nullopt);  // in the gap
  EXPECT_EQ(choose_split(config, "r", "p", {0.60, 0.65, 0.1}), "train");
  config.rule = "all";
  config.to = "test";
  EXPECT_EQ(choose_split(config, "r", "p", {}), "test");
}

}  // namespace
}  // namespace medisyn
