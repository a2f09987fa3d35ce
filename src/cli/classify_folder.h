// The output folder of a grid, which processes share and which may be gone on with.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/eval/classify/plan.h"
#include "medisyn/eval/classify/run_result.h"

namespace medisyn {

/// OUT/config.yaml, runs.jsonl, runs/NAME/predictions.csv
class ClassifyFolder {
 public:
  /// Makes the folder, or goes on in that of the same grid. Error when it holds something else, naming the
  /// difference.
  ClassifyFolder(fs::path folder, const ClassifyConfig& config);

  /// The plan's runs whose line and predictions are there. Error for a line of a run on other images or with
  /// another config.
  std::map<std::string, RunResult> finished(const std::vector<GridRun>& runs, const RunKeys& keys,
                                            const std::vector<std::string>& classes) const;

  fs::path log_file() const { return folder_ / "runs.jsonl"; }
  fs::path predictions_file(const std::string& run) const {
    return folder_ / "runs" / run / "predictions.csv";
  }
  const fs::path& path() const { return folder_; }

 private:
  fs::path folder_;
};

}  // namespace medisyn
