// Scores of a study so small that they can be counted by hand. scripts/parity_reader_study.py compares 1,000
// answer sets with NumPy and statsmodels.
#include "medisyn/eval/reader_study/score.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/eval/reader_study/draw.h"
#include "medisyn/eval/reader_study/plan.h"
#include "medisyn/eval/reader_study/score_tables.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

std::string image(int number) { return fmt::format("images/{:016x}.png", number); }

/// Three pairs (real-real, mixed, synthetic-synthetic) and two single images; readers R01 and R02.
StudyKey small_key() {
  StudyKey key{.study_id = "0123456789abcdef", .classes = {"Normal", "Drusen"}};
  for (int i = 0; i < 8; ++i) {
    key.images[image(i)] = {.is_synthetic = i >= 3 && i != 6, .class_name = i < 6 ? "Normal" : "Drusen"};
  }
  key.trials["p001"] = {PartKind::kPairs, TrialType::kRealReal, "Normal", {image(0), image(1)}};
  key.trials["p002"] = {PartKind::kPairs, TrialType::kMixed, "Normal", {image(2), image(3)}};
  key.trials["p003"] = {PartKind::kPairs, TrialType::kSyntheticSynthetic, "Normal", {image(4), image(5)}};
  key.trials["s001"] = {PartKind::kSingles, TrialType::kReal, "Drusen", {image(6)}};
  key.trials["s002"] = {PartKind::kSingles, TrialType::kSynthetic, "Drusen", {image(7)}};
  key.readers = {{"R01", "experts"}, {"R02", "experts"}, {"R03", "experts"}};
  return key;
}

constexpr const char* kHeader =
    "study_id,reader,part,trial,position,left_synthetic,right_synthetic,quality_sufficient,class,confidence,"
    "response_ms,answered_at\n";

std::string row(const std::string& rest) { return "0123456789abcdef," + rest + "\n"; }

class ScoreFiles : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::path(testing::TempDir()) / testing::UnitTest::GetInstance()->current_test_info()->name();
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }

  fs::path folder_;
};

TEST_F(ScoreFiles, OfAStudyCountedByHand) {
  // R01 marks 1 of 3 synthetic images and 1 real one, and changes an answer; R02 marks nothing and leaves
  // p003's right image and s002's class open; R03 does not answer.
  write_file(folder_ / "R01.csv", kHeader + row("R01,pairs,t001,1,1,1,,,,900,2026-01-01T08:00:00Z") +
                                      row("R01,pairs,p001,1,1,0,,,,1000,2026-01-01T08:00:02Z") +
                                      row("R01,pairs,p001,1,1,1,,,,9000,2026-01-01T08:00:01Z") +
                                      row("R01,pairs,p002,2,0,1,,,,2000,2026-01-01T08:00:03Z") +
                                      row("R01,pairs,p003,3,0,0,,,,4000,2026-01-01T08:00:04Z") +
                                      row("R01,singles,s001,1,,,1,Drusen,5,3000,2026-01-01T08:00:05Z") +
                                      row("R01,singles,s002,2,,,0,Normal,2,5000,2026-01-01T08:00:06Z"));
  const auto answer = [](const char* part, const char* trial, Json rest) {
    Json json = {{"part", part}, {"trial", trial}, {"response_ms", 1000}};
    json.update(rest);
    return json;
  };
  Json download = {
      {"schema", "medisyn.reader_answers/1"}, {"study_id", "0123456789abcdef"}, {"reader", "R02"}};
  download["answers"] = {
      answer("pairs", "p001", {{"left_synthetic", 0}, {"right_synthetic", 0}}),
      answer("pairs", "p002", {{"left_synthetic", 0}, {"right_synthetic", 0}}),
      answer("pairs", "p003", {{"left_synthetic", 0}, {"right_synthetic", nullptr}}),
      answer("singles", "s001", {{"quality_sufficient", 1}, {"class", "Drusen"}, {"confidence", 3}}),
      answer("singles", "s002", {{"quality_sufficient", 1}, {"confidence", 4}})};
  write_file(folder_ / "R02.json", download.dump());
  write_file(folder_ / "R03.csv", kHeader);

  const StudyKey key = small_key();
  const StudyAnswers read = read_answers(folder_, key);
  EXPECT_EQ(read.rows, 12);
  EXPECT_EQ(read.training, 1);
  EXPECT_EQ(read.replaced, 1);
  EXPECT_EQ(read.files, 3);
  EXPECT_EQ(read.empty_files, 1);
  const StudyScore score = score_study(key, read.answers);

  ASSERT_EQ(score.completeness.size(), 3U);
  EXPECT_EQ(score.completeness[0].answered, 5);
  EXPECT_EQ(score.completeness[1].incomplete, 2);
  EXPECT_EQ(score.completeness[2].missing, 5);

  const RealismScore& first = score.realism[0];
  EXPECT_EQ(first.reader, "R01");
  EXPECT_DOUBLE_EQ(*first.recall, 1.0 / 3);
  EXPECT_DOUBLE_EQ(*first.precision, 1.0 / 2);
  EXPECT_DOUBLE_EQ(*first.accuracy, 3.0 / 6);
  EXPECT_EQ(first.pairs, 3);
  EXPECT_EQ(first.pairs_right, 1);
  const RealismScore& second = score.realism[1];
  EXPECT_DOUBLE_EQ(*second.recall, 0);
  EXPECT_FALSE(second.precision);
  EXPECT_EQ(second.marks.images(), 5);
  EXPECT_EQ(second.pairs, 2);
  EXPECT_FALSE(score.realism[2].recall);
  const RealismScore& group = score.realism[3];
  EXPECT_DOUBLE_EQ(*group.recall, 1.0 / 6);
  EXPECT_DOUBLE_EQ(*group.precision, 1.0 / 2);
  EXPECT_EQ(group.readers_recall, 2);
  EXPECT_EQ(group.readers_precision, 1);
  ASSERT_TRUE(group.recall_interval);
  EXPECT_LE(group.recall_interval->low, 1.0 / 6);
  EXPECT_GE(group.recall_interval->high, 1.0 / 6);

  const AlignmentScore& synthetic = score.alignment.back();
  EXPECT_TRUE(synthetic.is_synthetic);
  EXPECT_EQ(synthetic.images, 2);
  EXPECT_EQ(synthetic.quality_sufficient, 1);
  EXPECT_EQ(synthetic.class_answers, 1);
  EXPECT_EQ(synthetic.class_correct, 0);
  EXPECT_DOUBLE_EQ(synthetic.confidence_mean, 3);
  EXPECT_EQ(score.confusion[0].counts, (std::vector<std::vector<std::int64_t>>{{0, 0}, {0, 2}}));
  EXPECT_EQ(score.confusion[1].counts, (std::vector<std::vector<std::int64_t>>{{0, 0}, {1, 0}}));
  EXPECT_EQ(score.times[0].answers, 1);
  EXPECT_DOUBLE_EQ(score.times[0].median, 1);
  EXPECT_EQ(score.agreement[0].readers, 2);
  EXPECT_EQ(score.agreement[0].items, 5);

  EXPECT_EQ(imrmc_table(key, read.answers).rows.size(), 6U + 6U + 5U);
  EXPECT_THAT(score_page(score, key, "Study <1>"), HasSubstr("Study &lt;1&gt;"));
}

TEST_F(ScoreFiles, WhatDoesNotFitIsNamed) {
  const auto refusal = [&](const std::string& text) -> std::string {
    write_file(folder_ / "answers.csv", text);
    try {
      read_answers(folder_ / "answers.csv", small_key());
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  const std::string good = row("R01,pairs,p001,1,1,0,,,,1000,2026-01-01T08:00:02Z");
  EXPECT_EQ(refusal(kHeader + good), "");
  EXPECT_EQ(refusal(""), "");
  EXPECT_THAT(refusal(kHeader + good + row("R09,pairs,p001,1,1,0,,,,1000,")),
              HasSubstr("answers.csv:3: reader: \"R09\" is no reader"));
  EXPECT_THAT(refusal(kHeader + row("R01,pairs,p009,1,1,0,,,,1,")), HasSubstr("trial: \"p009\" is no trial"));
  EXPECT_THAT(refusal(kHeader + row("R01,singles,p001,1,1,0,,,,1,")), HasSubstr("p001 is a trial of pairs"));
  EXPECT_THAT(refusal(kHeader + row("R01,pairs,p001,1,2,0,,,,1,")),
              HasSubstr("left_synthetic: expected 0 to 1"));
  EXPECT_THAT(refusal(kHeader + row("R01,singles,s001,1,,,1,Cat,5,1,")), HasSubstr("class: \"Cat\" is none"));
  EXPECT_THAT(refusal(kHeader + row("R01,singles,s001,1,,,1,Drusen,6,1,")),
              HasSubstr("confidence: expected 1 to 5"));
  EXPECT_THAT(refusal(std::string(kHeader) + "ffffffffffffffff,R01,pairs,p001,1,1,0,,,,1,\n"),
              HasSubstr("study_id: expected 0123456789abcdef"));
  EXPECT_THAT(refusal("reader,trial\nR01,p001\n"), HasSubstr("study_id"));
}

TEST(StudyKey, IsReadAsItWasWrittenAndRefusesWhatDoesNotFit) {
  const StudyKey key = small_key();
  const Json json = to_json(key);
  EXPECT_EQ(key_from_json(parse_json(json.dump(), "key"), "key"), key);
  const auto refusal = [&](const char* pointer, const Json& value) -> std::string {
    Json changed = json;
    changed[Json::json_pointer(pointer)] = value;
    try {
      key_from_json(changed, "key.json");
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_THAT(refusal("/schema", "other"), HasSubstr("schema"));
  EXPECT_THAT(refusal("/classes", "Normal"), HasSubstr("classes"));
  EXPECT_THAT(refusal("/trials/p001/type", "mixed"), HasSubstr("p001: type: mixed does not fit"));
  EXPECT_THAT(refusal("/trials/p001/left", "images/x.png"), HasSubstr("expected an image of the key"));
  EXPECT_THAT(refusal("/trials/p001/class", "Cat"), HasSubstr("none of the study's"));
  EXPECT_THAT(refusal("/readers/R01", 7), HasSubstr("R01: group"));
  EXPECT_THAT(refusal("/images", nullptr), HasSubstr("images: expected an object"));
}

TEST(Plan, WidthIsThatOfClosedForms) {
  const double z = 1.959963984540054;
  // Without spread of readers and cases each answer is a coin: R C of them.
  EXPECT_NEAR(expected_width({.rate = 0.7, .reader_sd = 0, .case_sd = 0}, 5, 102),
              2 * z * std::sqrt(0.21 / 510), 1e-12);
  // Of very many cases readers alone are left, and the other way round.
  EXPECT_NEAR(expected_width({.rate = 0.7, .reader_sd = 0.1, .case_sd = 0.2}, 5, 1000000000),
              2 * z * std::sqrt(0.01 / 5), 1e-6);
  EXPECT_NEAR(expected_width({.rate = 0.7, .reader_sd = 0.1, .case_sd = 0.2}, 1000000000, 102),
              2 * z * std::sqrt(0.04 / 102), 1e-6);
  EXPECT_THROW(expected_width({.rate = 0.99, .reader_sd = 0.1, .case_sd = 0.2}, 5, 102), Error);
}

/// Readers' and cases' own rates add up to the chance of a right answer; the mean's variance over many
/// studies.
TEST(Plan, WidthIsThatOfSimulatedStudies) {
  const PlanAssumptions assumptions{.rate = 0.6, .reader_sd = 0.1, .case_sd = 0.15};
  constexpr int kReaders = 4, kCases = 20, kStudies = 20000;
  Draw draw(0, "plan");
  const auto coin = [&] { return draw.below(2) == 0 ? -1.0 : 1.0; };
  double sum = 0, squares = 0;
  for (int study = 0; study < kStudies; ++study) {
    std::array<double, kReaders> readers{};
    std::generate(readers.begin(), readers.end(), [&] { return assumptions.reader_sd * coin(); });
    double right = 0;
    for (int c = 0; c < kCases; ++c) {
      const double by_case = assumptions.case_sd * coin();
      for (const double reader : readers) {
        right += draw.bits() < (assumptions.rate + reader + by_case) * 4294967296.0 ? 1 : 0;
      }
    }
    const double mean = right / (kReaders * kCases);
    sum += mean;
    squares += mean * mean;
  }
  const double variance = squares / kStudies - sum / kStudies * (sum / kStudies);
  const double width = 2 * 1.959963984540054 * std::sqrt(variance);
  EXPECT_NEAR(expected_width(assumptions, kReaders, kCases) / width, 1, 0.02);
}

}  // namespace
}  // namespace medisyn
