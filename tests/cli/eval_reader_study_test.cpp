// A reader study from manifests to scores, by the program itself.
#include <set>

#include "medisyn/eval/reader_study/key.h"
#include "medisyn/eval/reader_study/reader_answer.h"
#include "medisyn/io/csv.h"
#include "reader_study_fixture.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

TEST_F(ReaderStudy, IsDrawnAnsweredAndScored) {
  ProgramResult result = run({"export", "--config", "study.yaml", "--out", "a", "--seed", "3"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("12 trials, 21 images"));
  const StudyKey key = read_key(folder_ / "a/key.json");
  EXPECT_EQ(key.trials.size(), 12U);
  const Study study = read_study(folder_ / "a/study");
  EXPECT_EQ(study.id, key.study_id);
  std::set<std::uintmax_t> sizes;
  std::set<std::string> sources;
  for (const auto& [name, image] : key.images) {
    sizes.insert(fs::file_size(folder_ / "a/study" / name));
    EXPECT_TRUE(sources.insert(image.source).second) << image.source;
    EXPECT_EQ(read_image(folder_ / "a/study" / name).width, 32);
  }
  EXPECT_EQ(sizes.size(), 1U);
  EXPECT_THAT(slurp(folder_ / "a/study/index.html"), HasSubstr("A &lt;study&gt;"));

  // The same seed gives the same bytes, another seed another study.
  ASSERT_EQ(run({"export", "--config", "study.yaml", "--out", "b", "--seed", "3"}).exit_code, 0);
  ASSERT_EQ(run({"export", "--config", "study.yaml", "--out", "c", "--seed", "4"}).exit_code, 0);
  EXPECT_EQ(slurp(folder_ / "a/key.json"), slurp(folder_ / "b/key.json"));
  for (const auto& entry : fs::recursive_directory_iterator(folder_ / "a/study")) {
    if (entry.is_regular_file()) {
      EXPECT_EQ(slurp(entry.path()), slurp(folder_ / "b/study" / fs::relative(entry, folder_ / "a/study")));
    }
  }
  EXPECT_NE(slurp(folder_ / "a/study/study.json"), slurp(folder_ / "c/study/study.json"));

  // R01 knows the key, R02 does not answer.
  std::vector<std::vector<std::string>> rows;
  for (const auto& [id, trial] : key.trials) {
    const auto truth = [&](std::size_t i) -> std::string {
      return key.images.at(trial.images[i]).is_synthetic ? "1" : "0";
    };
    const bool is_pair = trial.part == PartKind::kPairs;
    rows.push_back({key.study_id, "R01", std::string(name_of(trial.part)), id, "1", is_pair ? truth(0) : "",
                    is_pair ? truth(1) : "", is_pair ? "" : "1", is_pair ? "" : trial.class_name,
                    is_pair ? "" : "5", "1500", "2026-01-01T08:00:00Z"});
  }
  write_csv(folder_ / "answers.csv", answer_columns(), rows);
  const Words score = {"score", "--key", "a/key.json", "--answers", "answers.csv"};
  Words with_out = score;
  with_out.insert(with_out.end(), {"--out", "scores", "--json"});
  result = run(with_out);
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  const Json json = parse_json(result.output, "stdout");
  EXPECT_EQ(json["schema"], "medisyn.result/1");
  EXPECT_EQ(json["metrics"]["missing"], 12);
  EXPECT_EQ(json["metrics"]["realism"][0]["recall"], 1.0);
  for (const char* file : {"result.json", "page.html", "imrmc.csv", "realism.csv", "alignment.csv",
                           "confusion.csv", "response_times.csv", "agreement.csv", "completeness.csv"}) {
    EXPECT_TRUE(fs::exists(folder_ / "scores" / file)) << file;
  }
  expect_refused({"score", "--key", "c/key.json", "--answers", "answers.csv", "--out", "refused"},
                 "answers.csv:2: study_id: expected");
}

TEST_F(ReaderStudy, MistakesAreNamedAndNothingIsLeft) {
  const auto with = [](const Words& more) {
    Words words = {"export", "--config", "study.yaml", "--out", "refused", "--quiet"};
    for (const std::string& word : more) {
      words.insert(words.end(), {"--set", word});
    }
    return words;
  };
  expect_refused(with({"unique_groups=true"}),
                 "real images are needed, no two near-duplicates and no two of a patient or video");
  expect_refused(with({"pairs.mixed=40"}),
                 "synthetic images are needed, no two near-duplicates, and there are 12");
  expect_refused(with({"real.where=split=validation"}), "split=validation");
  expect_refused(with({"features.extractor=vgg"}), "vgg");
  expect_refused(
      with({"pairs={real_real: 0, synthetic_synthetic: 0, mixed: 0}", "singles={real: 0, synthetic: 0}"}),
      "expected at least one trial");
  expect_refused(with({"classes=[{name: a, real: labels=normal, synthetic: text=no}]"}),
                 "class a: no synthetic image is text=no");
  expect_refused({"export", "--config", "study.yaml"}, "--out DIR is needed");
  expect_refused({"plan", "--rate", "0.99", "--out", "refused"}, "lower --reader-sd or --case-sd");
  const ProgramResult dry = run({"export", "--config", "study.yaml", "--out", "refused", "--dry-run"});
  EXPECT_EQ(dry.exit_code, 0) << dry.errors;
  EXPECT_FALSE(fs::exists(folder_ / "refused"));
}

TEST_F(ReaderStudy, PlanPrintsItsTable) {
  const ProgramResult result = run({"plan", "--readers", "5,10", "--cases", "102", "--out", "plan"});
  ASSERT_EQ(result.exit_code, 0) << result.errors;
  EXPECT_THAT(result.output, HasSubstr("102 cases"));
  EXPECT_EQ(read_csv(folder_ / "plan/plan.csv").rows.size(), 2U);
}

}  // namespace
}  // namespace medisyn
