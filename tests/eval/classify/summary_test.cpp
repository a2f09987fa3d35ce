// Scores of runs, their summary over seeds, tables and page.
#include "medisyn/eval/classify/summary.h"

#include <gmock/gmock.h>

#include <random>

#include "../../expect_error.h"
#include "grid_fixture.h"
#include "medisyn/eval/classify/tables.h"
#include "medisyn/stats/auroc.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

class ClassifySummary : public GridFolder {
 protected:
  void SetUp() override {
    GridFolder::SetUp();
    for (int i = 0; i < 40; ++i) {
      add("test", 400 + i, 400 + i, i % 3 == 0 ? "naevus" : "melanoma");
    }
    config_ = config();
    config_.sources = {"real", "real+synthetic"};
    config_.synthetic.images = {generated("g", {"Image of naevus", "Image of melanoma"}, 30)};
    config_.classes.push_back({"<wart>", "labels=wart", ""});
    data_ = open_grid(config_);
    check_generators(data_, config_);
    open_pools(data_, config_);
    match_parts(data_, config_);
    runs_ = plan_runs(data_, config_);
  }

  /// Scores that are the better the larger `skill` is.
  std::vector<double> scores(double skill, unsigned seed) const {
    std::mt19937 generator(seed);
    std::normal_distribution<double> noise;
    std::vector<double> scores;
    for (const Targets& targets : data_.cohorts.test.targets) {
      for (const float target : targets) {
        scores.push_back(skill * target + noise(generator));
      }
    }
    return scores;
  }

  ClassifyConfig config_;
  GridData data_;
  std::vector<GridRun> runs_;
};

TEST_F(ClassifySummary, ARunGoesThroughItsLineAndItsPredictions) {
  ClassifierOutcome outcome;
  outcome.scores = scores(1, 1);
  outcome.steps = 2;
  const auto train = training_images(data_, runs_[0]);
  const RunResult result = score_run(runs_[0], "key", outcome, train, data_.test);
  ASSERT_EQ(result.classes.size(), 3U);
  EXPECT_FALSE(result.classes[2].auroc);  // no wart in the test set
  EXPECT_EQ(result.classes[0].positives + result.classes[0].negatives, 44);
  EXPECT_NEAR(*result.macro_auroc, (*result.classes[0].auroc + *result.classes[1].auroc) / 2, 1e-15);
  EXPECT_LT(result.classes[0].interval->low, *result.classes[0].auroc);
  EXPECT_EQ(result.class_counts, (std::vector<std::int64_t>{1, 3, 0}));
  EXPECT_EQ(result.epochs, 2);
  const Json line = to_json(result, config_.class_names());
  EXPECT_EQ(to_json(run_result_from_json(line, config_.class_names(), "x"), config_.class_names()), line);
  EXPECT_ERROR(run_result_from_json({{"run", "a"}}, config_.class_names(), "runs.jsonl:1"), "runs.jsonl:1");

  const fs::path file = folder_ / "predictions.csv";
  write_predictions(file, data_.cohorts.test, config_.class_names(), outcome.scores);
  EXPECT_THAT(read_file(file), testing::StartsWith("id,class,label,score\n"));
  EXPECT_EQ(read_predictions(file, data_.cohorts.test, config_.class_names()), outcome.scores);
  EXPECT_ERROR(read_predictions(file, data_.cohorts.validation, config_.class_names()), "of other images");
}

TEST_F(ClassifySummary, MeansAndDifferencesOverSeeds) {
  const MeanScore mean = mean_score({0.5, std::nullopt, 0.7, 0.9});
  EXPECT_NEAR(*mean.mean, 0.7, 1e-15);
  EXPECT_NEAR(*mean.deviation, 0.2, 1e-15);
  EXPECT_EQ(mean.seeds, 3);
  EXPECT_FALSE(mean_score({std::nullopt}).mean);
  EXPECT_FALSE(mean_score({0.5}).deviation);
}

TEST_F(ClassifySummary, TablesAndPageCarryTheLeakCheck) {
  std::vector<RunResult> results;
  RunScores all;
  for (const GridRun& run : runs_) {
    ClassifierOutcome outcome;
    outcome.scores = scores(run.source == "real" ? 0.5 : 3, static_cast<unsigned>(run.seed));
    outcome.steps = run.steps;
    all[run.name] = outcome.scores;
    results.push_back(score_run(run, "key", outcome, training_images(data_, run), data_.test));
  }
  const GridSummary summary = summarise(results, all, data_.cohorts.test, 3);
  ASSERT_EQ(summary.cells.size(), 6U);
  EXPECT_EQ(summary.cells[0].macro.seeds, 2);
  ASSERT_EQ(summary.comparisons.size(), 3U);
  const SourceComparison& one = summary.comparisons[0];
  EXPECT_GT(*one.difference.mean, 0.1);
  EXPECT_EQ(one.better, 2);
  EXPECT_NEAR(*one.p, 0.5, 1e-12);  // two seeds can say no more
  EXPECT_LT(one.classes[0]->p, 0.05);
  EXPECT_FALSE(one.classes[2]);

  config_.title = "A <grid>";
  const GridReport report{.config = config_, .data = data_, .runs = results, .summary = summary};
  for (const GridTable& table : grid_tables(report)) {
    EXPECT_EQ(table.header.back(), "leak_check") << table.name;
    EXPECT_FALSE(table.rows.empty()) << table.name;
    for (const auto& row : table.rows) {
      ASSERT_EQ(row.size(), table.header.size()) << table.name;
      EXPECT_THAT(row.back(), HasSubstr("NOT CHECKED")) << table.name;  // nothing says what drew the images
    }
  }
  const std::string page = grid_page(report);
  EXPECT_THAT(page, HasSubstr("A &lt;grid&gt;"));
  EXPECT_THAT(page, HasSubstr("&lt;wart&gt;"));
  EXPECT_THAT(page, testing::Not(HasSubstr("<wart>")));
  EXPECT_THAT(page, HasSubstr("\"band\":[["));
  const auto count = [&](const std::string& text) {
    int found = 0;
    for (std::size_t at = page.find(text); at != std::string::npos; at = page.find(text, at + 1)) {
      ++found;
    }
    return found;
  };
  EXPECT_EQ(count("Leak check:"), count("<table ") + 1);
  EXPECT_EQ(count("<table "), 8);
  EXPECT_EQ(grid_metrics(report)["scores"][0]["classes"]["<wart>"]["mean"], nullptr);
}

}  // namespace
}  // namespace medisyn
