#include "medisyn/eval/classify/cohort.h"

#include <cmath>

#include "../../expect_error.h"
#include "grid_fixture.h"

namespace medisyn {
namespace {

class ClassifyCohort : public GridFolder {};

TEST_F(ClassifyCohort, SidesAndClasses) {
  const ClassifyConfig config = this->config();
  const Cohorts cohorts = open_cohorts(config);
  EXPECT_EQ(class_counts(cohorts.train.targets, 2), (std::vector<std::int64_t>{10, 30}));
  EXPECT_EQ(cohorts.validation.targets.size(), 4U);
  EXPECT_EQ(cohorts.test.targets.size(), 4U);
  EXPECT_EQ(combination_of({1, 1}, config.class_names()), "melanoma + naevus");
  EXPECT_EQ(combination_of({std::nanf(""), 0}, config.class_names()), "melanoma?");
  EXPECT_EQ(cohorts.train.images()[0].image.file.filename(), "i0.png");
}

TEST_F(ClassifyCohort, CaptionAndOtherLabelsAreLeftOut) {
  rows_.push_back(record_json("x", "train", "px", {"naevus", "wart"}));
  rows_.push_back(record_json("y", "train", "py", {"wart"}));
  auto config = this->config();
  Cohorts cohorts = open_cohorts(config);
  EXPECT_EQ(cohorts.train.targets.size(), 41U);
  EXPECT_EQ(cohorts.no_class, 1);
  config.real.only_labels = {"naevus", "melanoma"};
  cohorts = open_cohorts(config);
  EXPECT_EQ(cohorts.train.targets.size(), 40U);
  EXPECT_EQ(cohorts.left_out, 2);
  config.real.caption = "Image of (naevus|.* and .*)";
  EXPECT_EQ(class_counts(open_cohorts(config).train.targets, 2), (std::vector<std::int64_t>{0, 30}));
  config.real.caption = "nothing";
  EXPECT_ERROR(open_cohorts(config), "no training image is left (split=train)");
  config.real.caption = "(";
  EXPECT_ERROR(open_cohorts(config), "real.caption");
}

TEST_F(ClassifyCohort, ContradictoryLabelsAreNamed) {
  rows_.push_back(record_json("both", "train", "pb", {"naevus", "melanoma"}));
  auto config = this->config();
  EXPECT_ERROR(open_cohorts(config), "both.png: contradictory labels: it is melanoma and naevus");
  config.classifier.multi_label = true;
  EXPECT_EQ(class_counts(open_cohorts(config).train.targets, 2), (std::vector<std::int64_t>{11, 31}));
  config.classes[0].unknown = "labels=naevus";
  EXPECT_ERROR(open_cohorts(config), "both.png: contradictory labels: it shows melanoma and does not say");
  rows_.back() = record_json("twin", "train", "p0", {"melanoma"});
  rows_.back()["sha256"] = "hi0";
  EXPECT_ERROR(open_cohorts(this->config()),
               "contradictory labels: i0.png and twin.png are the same picture, the one is naevus, the other "
               "melanoma");
}

TEST_F(ClassifyCohort, MissingLabelsAreMasked) {
  rows_.push_back(record_json("maybe", "train", "pm", {"naevus", "perhaps melanoma"}));
  auto config = this->config();
  config.classifier.multi_label = true;
  config.classes[0].unknown = "labels=\"perhaps melanoma\"";
  const Targets targets = open_cohorts(config).train.targets.back();
  EXPECT_TRUE(std::isnan(targets[0]));
  EXPECT_EQ(targets[1], 1);
}

TEST_F(ClassifyCohort, APatientInTwoSplitsIsRefused) {
  add("test", 300, 3, "naevus");
  EXPECT_ERROR(open_cohorts(config()), "training images and test images must have nothing in common");
  rows_.pop_back();
  add("validation", 301, 200, "naevus");
  EXPECT_ERROR(open_cohorts(config()), "validation images and test images must have nothing in common");
}

}  // namespace
}  // namespace medisyn
