#include "medisyn/curate/side.h"

#include <gtest/gtest.h>

namespace medisyn {
namespace {

TEST(Side, GroupsAndOfficialAreLeftToOthers) {
  EXPECT_EQ(own_side({}, "r", "r-7", {}), "");
  SideConfig config;
  config.rule = "official";
  EXPECT_EQ(own_side(config, "r", "r-7", {0.9, 1.0, 0.0}), "");
  config.rule = "all";
  config.to = "test";
  EXPECT_EQ(own_side(config, "r", "p", {}), "test");
}

TEST(Side, ListedPatients) {
  SideConfig config;
  config.rule = "patients";
  config.test = {"7", "r-8"};
  config.validation = {"9"};
  EXPECT_EQ(own_side(config, "r", "r-7", {}), "test");
  EXPECT_EQ(own_side(config, "r", "r-8", {}), "test");
  EXPECT_EQ(own_side(config, "r", "r-9", {}), "validation");
  EXPECT_EQ(own_side(config, "r", "r-77", {}), "train");
}

TEST(Side, HeldOutPartsDoNotOverlapTraining) {
  SideConfig config;
  config.rule = "region";
  config.from = 0.75;
  EXPECT_TRUE(divides_subjects(config));
  EXPECT_EQ(own_side(config, "r", "p", {0.5, 0.75, 0.0}), "train");
  EXPECT_EQ(own_side(config, "r", "p", {0.75, 1.0, 0.0}), "test");
  EXPECT_EQ(own_side(config, "r", "p", {0.6, 0.85, 0.0}), std::nullopt);
  config.rule = "frames";
  config.gap = 10;
  EXPECT_EQ(own_side(config, "r", "p", frame_extent(config, 70, 100)), std::nullopt);  // in the gap
  EXPECT_EQ(own_side(config, "r", "p", frame_extent(config, 64, 100)), "train");
  EXPECT_EQ(own_side(config, "r", "p", frame_extent(config, 75, 100)), "test");
}

}  // namespace
}  // namespace medisyn
