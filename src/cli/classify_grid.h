// What the parts of `medisyn eval classify` share.
#pragma once

#include <string>
#include <vector>

#include "classify_folder.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/run_record.h"
#include "medisyn/dist/ranks.h"
#include "medisyn/eval/classify/plan.h"

namespace medisyn {

struct ClassifyGrid {
  ClassifyConfig config;
  GridData data;
  std::vector<GridRun> runs;
  std::vector<std::vector<MissingImage>> missing;  ///< of each pool
};

/// Reads no image. Error for whatever would make a run fail that can be known before.
ClassifyGrid open_classify_grid(const ClassifyConfig& config);

/// --dry-run: images by class, runs and what they cost.
void report_classify_plan(const ClassifyGrid& grid, const CommonOptions& common);

/// --write-subsets: a manifest of each part.
void write_classify_subsets(const GridData& data, const ClassifyConfig& config, const fs::path& folder);

/// Trains the runs of this rank that are not finished. False when it was interrupted.
bool train_classify_runs(const ClassifyGrid& grid, const ClassifyFolder& folder, const CommonOptions& common,
                         const Rank& rank);

/// Writes and prints the results, once all runs are there; else says how to go on.
void report_classify(const ClassifyGrid& grid, const ClassifyFolder& folder, RunRecord& record,
                     const CommonOptions& common, const std::string& command);

}  // namespace medisyn
