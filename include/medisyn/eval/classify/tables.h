// A grid's results as tables, a page and the metrics of result.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "medisyn/eval/classify/plan.h"
#include "medisyn/eval/classify/summary.h"

namespace medisyn {

struct GridTable {
  std::string name = {};  ///< of its file: "auroc.csv"
  std::vector<std::string> header = {};
  std::vector<std::vector<std::string>> rows = {};
};

/// What all tables are made of.
struct GridReport {
  const ClassifyConfig& config;
  const GridData& data;
  const std::vector<RunResult>& runs;  ///< in the plan's order
  const GridSummary& summary;
};

/// auroc.csv (mean and deviation over seeds), runs.csv (each run and class, with DeLong's interval),
/// comparisons.csv and subsets.csv. What is absent is an empty cell; the last column is the leak check.
std::vector<GridTable> grid_tables(const GridReport& report);

/// The parts' images by class: "1 %: 238 real (cardiomegaly 80, ...)".
GridTable subsets_table(const GridData& data, const ClassifyConfig& config);

/// Rows of fractions, a column for each source: mean and deviation of the macro-AUROC (`class_index` none) or
/// of a class.
GridTable mean_table(const GridSummary& summary, std::optional<std::size_t> class_index);

Json grid_metrics(const GridReport& report);

/// The figure (AUROC against the fraction, a line with a band for each source) and the tables.
std::string grid_page(const GridReport& report);

}  // namespace medisyn
