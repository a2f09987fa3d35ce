// Mean and deviation over the seeds of a grid, and sources compared with each other.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/eval/classify/run_result.h"

namespace medisyn {

struct MeanScore {
  std::optional<double> mean = {};
  std::optional<double> deviation = {};  ///< of the sample (n - 1); none of one seed
  std::int64_t seeds = 0;
};

/// Mean and deviation of those that are there.
MeanScore mean_score(const std::vector<std::optional<double>>& values);

/// All seeds of one source at one fraction.
struct CellScore {
  std::string variant;  ///< variant_of()
  double fraction = 0;
  std::int64_t images = 0;
  double steps = 0, epochs = 0;  ///< means over seeds
  std::vector<std::int64_t> class_counts = {};
  MeanScore macro = {};
  std::vector<MeanScore> classes = {};
};

/// Two sources at one fraction: the difference second - first.
struct SourceComparison {
  double fraction = 0;
  std::string first, second;
  MeanScore difference = {};     ///< of the macro-AUROC, seed by seed
  std::int64_t better = 0;       ///< seeds in which the second is better
  std::optional<double> p = {};  ///< Wilcoxon's signed-rank test over seeds, two-sided
  /// DeLong's test of each class over the test images, scores averaged over seeds; none where it is absent.
  std::vector<std::optional<AurocComparison>> classes = {};
};

struct GridSummary {
  std::vector<CellScore> cells;  ///< by variant in order of appearance, then fraction
  std::vector<SourceComparison> comparisons;
};

/// `scores`: of the test images, by run name.
using RunScores = std::map<std::string, std::vector<double>>;
GridSummary summarise(const std::vector<RunResult>& runs, const RunScores& scores, const Cohort& test,
                      std::size_t classes);

}  // namespace medisyn
