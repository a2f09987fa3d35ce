// Plots of values with their intervals, as SVG: no script, and readable in print.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "medisyn/eval/reader_study/score.h"

namespace medisyn {

/// One line of a plot: a dot and a whisker; nothing where there is no value.
struct DotRow {
  std::string label = {};
  std::optional<double> value = {};
  Interval interval = {};
  bool is_whole = false;  ///< a group: drawn stronger
};

struct DotPlot {
  std::string heading = {}, axis = {};
  double least = 0, most = 1;
  std::optional<double> line = {};  ///< a dashed one, at chance
  std::vector<DotRow> rows = {};
};

/// <figure> with the plot; its numbers are its description, too. Labels are escaped here.
std::string dot_plot_html(const DotPlot& plot);

/// Counts with true classes as rows, shaded by the share of their row.
std::string confusion_html(const std::string& heading, const std::vector<std::string>& classes,
                           const std::vector<std::vector<std::int64_t>>& counts);

}  // namespace medisyn
