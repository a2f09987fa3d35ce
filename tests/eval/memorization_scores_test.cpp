#include "medisyn/eval/memorization_scores.h"

#include <gmock/gmock.h>

#include "medisyn/eval/memorization_tables.h"
#include "medisyn/stats/clopper_pearson.h"
#include "medisyn/stats/wilcoxon.h"

namespace medisyn {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

TEST(ScoredImages, TakeTheClosestOfTheirPairs) {
  Record grouped;
  grouped.id = "r0";
  grouped.group_id = "patient-7";
  Record alone;
  alone.id = "r1";
  const Manifest training{"real", {grouped, alone}};
  const std::vector<NearestPair> pairs = {
      {.image = 0, .training = 0, .rank = 1, .distance = 0.3, .least = {.distance = 0.01}},
      {.image = 0, .training = 1, .rank = 2, .distance = 0.2, .least = {.distance = 0.2}},
      {.image = 1, .training = 0, .rank = 1, .distance = 0.4, .least = {.distance = 0.4}}};
  const std::vector<ImageKind> kinds = {{"Radiology", "CT"}, {"", "MRI"}};
  const auto by_paper = scored_images(pairs, kinds, training, DistanceKind::kPaper);
  ASSERT_EQ(by_paper.size(), 2U);
  EXPECT_EQ(by_paper[0].distance, 0.2);
  EXPECT_EQ(by_paper[0].source, "r1");
  EXPECT_EQ(by_paper[1].specialty, "MRI");
  EXPECT_EQ(by_paper[1].source, "patient-7");
  EXPECT_EQ(scored_images(pairs, kinds, training, DistanceKind::kExtended)[0].source, "patient-7");
}

/// Ten of Surgery, one of them at 0.15, and 2,000 of Dermatology far away.
std::vector<ScoredImage> two_specialties() {
  std::vector<ScoredImage> images;
  for (int i = 0; i < 10; ++i) {
    images.push_back({"Surgery", i < 5 ? "a" : "b", 0.15 + 0.01 * i});
  }
  for (int i = 0; i < 2000; ++i) {
    images.push_back({"Dermatology", std::to_string(i), 0.5 + 1e-5 * i});
  }
  return images;
}

TEST(ScoreSpecialties, CountsSharesSourcesAndTests) {
  const std::vector<SpecialtyScore> scores = score_specialties(two_specialties());
  ASSERT_EQ(scores.size(), 2U);
  EXPECT_EQ(bonferroni_factor(scores), 10);
  EXPECT_EQ(scores[0].specialty, "Dermatology");
  const SpecialtyScore& surgery = scores[1];
  EXPECT_EQ(surgery.images, 10);
  EXPECT_EQ(surgery.sources, 2);
  EXPECT_EQ(surgery.least, 0.15);
  EXPECT_NEAR(surgery.median, 0.195, 1e-12);
  EXPECT_EQ(surgery.thresholds[1].images, 0);
  EXPECT_EQ(surgery.thresholds[1].p, 1.0 / 1024);
  EXPECT_NEAR(surgery.thresholds[1].p_bonferroni, 10.0 / 1024, 1e-15);
  EXPECT_NEAR(surgery.thresholds[1].upper_bound, clopper_pearson_upper(0, 10), 1e-15);
  const ThresholdScore& flagged = surgery.thresholds[kFlaggedThreshold];
  EXPECT_EQ(flagged.threshold, 0.15);
  EXPECT_EQ(flagged.images, 1);  // at it, not only below
  EXPECT_EQ(flagged.sources, 1);
  EXPECT_EQ(flagged.share, 0.1);
  EXPECT_EQ(surgery.thresholds[4].images, 10);
  EXPECT_EQ(surgery.thresholds[4].sources, 2);
  EXPECT_EQ(surgery.thresholds[4].p_bonferroni, 1);
  EXPECT_EQ(surgery.thresholds[4].log10_p_bonferroni, 0);
  const SpecialtyScore all = score_all(two_specialties());
  EXPECT_EQ(all.images, 2010);
  EXPECT_EQ(all.thresholds[kFlaggedThreshold].images, 1);
}

TEST(MemorizationTables, HaveThePapersLayout) {
  const std::vector<SpecialtyScore> scores = score_specialties(two_specialties());
  const TextTable shares = share_table(scores);
  EXPECT_THAT(shares.header, ElementsAre("Specialty", "Image Pairs", "0.05", "0.10", "0.15", "0.20", "0.25"));
  EXPECT_THAT(shares.rows[0], ElementsAre("Dermatology", "2000", "-", "-", "-", "-", "-"));
  EXPECT_THAT(shares.rows[1],
              ElementsAre("Surgery", "10", "-", "-", "1 (10.0%)", "6 (60.0%)", "10 (100.0%)"));
  const TextTable p = p_table(scores);
  EXPECT_EQ(p.rows[0][2], "< 1e-300");
  EXPECT_EQ(p.rows[1][2], "0.010");
  EXPECT_EQ(p.rows[1][6], "1.000");
  const TextTable full = full_table(scores);
  EXPECT_EQ(full.header.size(), 12U);
  EXPECT_EQ(full.header[9], "p x 10 at 0.15");
  EXPECT_EQ(full.rows[1].size(), 12U);
  EXPECT_EQ(bound_table(scores).rows[1][2], "25.9%");
  EXPECT_THAT(text_of({.generated = scores, .all = score_all(two_specialties())}),
              HasSubstr("x 10: 2 specialties x 5 thresholds"));
}

TEST(MemorizationTables, JsonHoldsSharesAndCorrectedP) {
  MemorizationTable table{.generated = score_specialties(two_specialties()),
                          .all = score_all(two_specialties())};
  Json json = to_json(table);
  EXPECT_EQ(json["bonferroni_factor"], 10);
  EXPECT_EQ(json["specialties"]["Surgery"]["thresholds"][2]["share"], 0.1);
  EXPECT_EQ(json["specialties"]["Dermatology"]["thresholds"][0]["p_bonferroni"], 0);
  EXPECT_LT(json["specialties"]["Dermatology"]["thresholds"][0]["log10_p_bonferroni"].get<double>(), -300);
  EXPECT_EQ(json["all"]["pairs"], 2010);
  EXPECT_TRUE(json["held_out"].is_null());
  table.held_out = table.generated;
  EXPECT_EQ(to_json(table)["held_out"]["Surgery"]["pairs"], 10);
}

}  // namespace
}  // namespace medisyn
