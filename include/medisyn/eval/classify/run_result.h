// What one classifier of a grid scored: its line of runs.jsonl and its predictions.csv.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/eval/classify/cohort.h"
#include "medisyn/stats/delong.h"

namespace medisyn {

struct GridRun;

struct ClassScore {
  std::optional<double> auroc = {};            ///< none: absent from the test set, or on all its images
  std::optional<AurocInterval> interval = {};  ///< DeLong, 95 %; none with fewer than two images of a side
  std::int64_t positives = 0, negatives = 0;
};

struct RunResult {
  std::string run, key;  ///< GridRun::name, RunKeys::key_of()
  std::string source, match;
  double fraction = 0;
  std::int64_t seed = 0;
  std::int64_t images = 0;                      ///< of the training
  std::vector<std::int64_t> class_counts = {};  ///< of them
  std::int64_t steps = 0;
  double epochs = 0;
  std::int64_t best_step = 0;
  double validation_macro_auroc = 0;
  std::optional<double> macro_auroc = {};
  std::vector<ClassScore> classes = {};
  double images_per_second = 0, data_wait = 0, seconds = 0;
};

RunResult score_run(const GridRun& run, const std::string& key, const ClassifierOutcome& outcome,
                    const std::vector<LabelledImage>& train, const std::vector<LabelledImage>& test);

Json to_json(const RunResult& result, const std::vector<std::string>& classes);
/// Error with `where` for a line of another grid or form.
RunResult run_result_from_json(const Json& json, const std::vector<std::string>& classes,
                               const std::string& where);

/// id,class,label,score: a row for each test image and class; the label of an unknown one is empty.
void write_predictions(const std::filesystem::path& file, const Cohort& test,
                       const std::vector<std::string>& classes, const std::vector<double>& scores);
/// The scores of write_predictions(), [N, C] in rows. Error when they are of other images or classes.
std::vector<double> read_predictions(const std::filesystem::path& file, const Cohort& test,
                                     const std::vector<std::string>& classes);

}  // namespace medisyn
