#include "medisyn/eval/alignment.h"

#include <torch/types.h>

#include "../expect_error.h"

namespace medisyn {
namespace {

Record record(const std::string& text, const std::string& type) {
  Record made;
  made.text = text;
  made.image_type = type;
  return made;
}

TEST(Alignment, PromptsStandForTheTypeOfTheirCaption) {
  const Manifest real{"m",
                      {record("a", "CT"), record("b", "MRI"), record("a", "CT"), record("c", "CT"),
                       record("c", "MRI"), record("d", "")}};
  const CaptionTypes captions = types_of_captions(real);
  EXPECT_EQ(prompted_types({"run", {record("b", ""), record("a", "")}}, captions),
            (std::vector<std::string>{"MRI", "CT"}));
  EXPECT_ERROR(prompted_types({"run", {record("x", "")}}, captions), "no real image has the caption \"x\"");
  EXPECT_ERROR(prompted_types({"run", {record("c", "")}}, captions),
               "the caption \"c\" stands for CT and for MRI among the real images");
  EXPECT_ERROR(prompted_types({"run", {record("d", "")}}, captions), "no real image has the caption \"d\"");
  EXPECT_ERROR(own_types(real), "image_type: expected the type of the image");
}

TEST(Alignment, ReferencesAreBalancedAndSeeded) {
  std::vector<Record> records;
  for (int i = 0; i < 100; ++i) {
    records.push_back(record("x", i < 90 ? "CT" : "MRI"));
  }
  const auto chosen = balanced_references(records, 1000, 1);
  EXPECT_EQ(chosen.size(), 20U);
  EXPECT_EQ(std::count_if(chosen.begin(), chosen.end(), [](std::int64_t i) { return i >= 90; }), 10);
  EXPECT_EQ(chosen, balanced_references(records, 1000, 1));
  EXPECT_NE(chosen, balanced_references(records, 1000, 2));
  EXPECT_EQ(balanced_references(records, 3, 1).size(), 6U);
}

TEST(Alignment, MajorityOfTheNearestDecides) {
  // Two clusters at right angles, five references each; one CT reference lies among the MRI ones.
  std::vector<torch::Tensor> rows;
  std::vector<std::string> types;
  for (int i = 0; i < 5; ++i) {
    rows.push_back(torch::tensor({1.0F, 0.02F * static_cast<float>(i)}));
    types.emplace_back("CT");
    rows.push_back(torch::tensor({0.02F * static_cast<float>(i), 1.0F}));
    types.emplace_back(i == 0 ? "CT" : "MRI");
  }
  const torch::Tensor images = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}, {0.1F, 1.0F}});
  const AlignmentScore score =
      score_alignment("x", images, {"CT", "MRI", "CT"}, torch::stack(rows), types, 5);
  EXPECT_EQ(score.predicted, (std::vector<std::string>{"CT", "MRI", "MRI"}));
  EXPECT_EQ(score.all.right, 2);
  EXPECT_EQ(score.all.all, 3);
  EXPECT_EQ(score.by_type.at("CT").right, 1);
  EXPECT_EQ(score.by_type.at("CT").all, 2);
  EXPECT_DOUBLE_EQ(score.mean_of_types(), 0.75);
  EXPECT_NEAR(score.votes[1], 0.8, 1e-12);
  EXPECT_NEAR(score.votes[2], 0.2, 1e-12);
}

TEST(Alignment, TiesGoToTheNearer) {
  const torch::Tensor references = torch::tensor({{1.0F, 0.0F}, {0.0F, 1.0F}});
  const AlignmentScore score =
      score_alignment("x", torch::tensor({{1.0F, 0.9F}}), {"CT"}, references, {"CT", "MRI"}, 2);
  EXPECT_EQ(score.predicted.front(), "CT");
}

TEST(Alignment, WilsonInterval) {
  const auto [low, high] = wilson_interval({20, 25});
  EXPECT_NEAR(low, 0.6087, 1e-4);
  EXPECT_NEAR(high, 0.9114, 1e-4);
  EXPECT_NEAR(wilson_interval({0, 25}).first, 0, 1e-12);
  EXPECT_NEAR(wilson_interval({25, 25}).second, 1, 1e-12);
  EXPECT_THROW(wilson_interval({0, 0}), c10::Error);
}

}  // namespace
}  // namespace medisyn
