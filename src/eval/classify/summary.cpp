#include "medisyn/eval/classify/summary.h"

#include <algorithm>
#include <cmath>

#include "medisyn/eval/classify/plan.h"
#include "medisyn/stats/auroc.h"
#include "medisyn/stats/wilcoxon.h"

namespace medisyn {
namespace {

/// The runs of one variant and fraction, by seed.
using Cell = std::map<std::int64_t, const RunResult*>;

struct Grid {
  std::vector<std::string> variants;  // in order of appearance
  std::map<std::string, std::map<double, Cell>> cells;
};

Grid grid_of(const std::vector<RunResult>& runs) {
  Grid grid;
  for (const RunResult& run : runs) {
    const std::string variant = variant_of(run.source, run.match);
    if (!grid.cells.contains(variant)) {
      grid.variants.push_back(variant);
    }
    grid.cells[variant][run.fraction][run.seed] = &run;
  }
  return grid;
}

CellScore cell_score(const std::string& variant, double fraction, const Cell& cell, std::size_t classes) {
  const RunResult& first = *cell.begin()->second;
  CellScore score{
      .variant = variant, .fraction = fraction, .images = first.images, .class_counts = first.class_counts};
  std::vector<std::optional<double>> macros;
  std::vector<std::vector<std::optional<double>>> by_class(classes);
  for (const auto& [seed, run] : cell) {
    score.steps += static_cast<double>(run->steps) / static_cast<double>(cell.size());
    score.epochs += run->epochs / static_cast<double>(cell.size());
    macros.push_back(run->macro_auroc);
    for (std::size_t c = 0; c < classes; ++c) {
      by_class[c].push_back(run->classes[c].auroc);
    }
  }
  score.macro = mean_score(macros);
  for (const auto& values : by_class) {
    score.classes.push_back(mean_score(values));
  }
  return score;
}

/// The mean of some runs' scores, [N, C].
std::vector<double> mean_of(const std::vector<const RunResult*>& runs, const RunScores& scores) {
  std::vector<double> sum;
  for (const RunResult* run : runs) {
    const std::vector<double>& own = scores.at(run->run);
    sum.resize(own.size(), 0);
    for (std::size_t i = 0; i < own.size(); ++i) {
      sum[i] += own[i] / static_cast<double>(runs.size());
    }
  }
  return sum;
}

std::optional<double> two_sided_p(const std::vector<double>& differences) {
  if (differences.size() < 2) {
    return std::nullopt;
  }
  return std::min(1.0, 2 * std::min(wilcoxon_signed_rank(differences, Alternative::kGreater).p,
                                    wilcoxon_signed_rank(differences, Alternative::kLess).p));
}

std::vector<std::optional<AurocComparison>> compare_classes(const std::vector<double>& first,
                                                            const std::vector<double>& second,
                                                            const Targets& targets, std::size_t classes) {
  std::vector<std::optional<AurocComparison>> tests;
  for (std::size_t c = 0; c < classes; ++c) {
    const ClassColumn a = class_column(first, targets, classes, c);
    const ClassColumn b = class_column(second, targets, classes, c);
    tests.push_back(delong_test(a.scores, b.scores, a.positives));
  }
  return tests;
}

SourceComparison compare(const Cell& first, const Cell& second, const RunScores& scores,
                         const Targets& targets, std::size_t classes) {
  SourceComparison comparison;
  std::vector<double> differences;
  std::vector<const RunResult*> these, those;
  for (const auto& [seed, run] : first) {
    const auto other = second.find(seed);
    if (other == second.end()) {
      continue;
    }
    these.push_back(run);
    those.push_back(other->second);
    if (run->macro_auroc && other->second->macro_auroc) {
      differences.push_back(*other->second->macro_auroc - *run->macro_auroc);
      comparison.better += differences.back() > 0 ? 1 : 0;
    }
  }
  comparison.difference = mean_score({differences.begin(), differences.end()});
  comparison.p = two_sided_p(differences);
  if (!these.empty()) {
    comparison.classes = compare_classes(mean_of(these, scores), mean_of(those, scores), targets, classes);
  }
  return comparison;
}

}  // namespace

MeanScore mean_score(const std::vector<std::optional<double>>& values) {
  MeanScore score;
  double sum = 0, squares = 0;
  for (const auto& value : values) {
    sum += value.value_or(0);
    score.seeds += value ? 1 : 0;
  }
  if (score.seeds == 0) {
    return score;
  }
  score.mean = sum / static_cast<double>(score.seeds);
  for (const auto& value : values) {
    squares += value ? (*value - *score.mean) * (*value - *score.mean) : 0;
  }
  if (score.seeds > 1) {
    score.deviation = std::sqrt(squares / static_cast<double>(score.seeds - 1));
  }
  return score;
}

GridSummary summarise(const std::vector<RunResult>& runs, const RunScores& scores, const Cohort& test,
                      std::size_t classes) {
  const Grid grid = grid_of(runs);
  Targets targets;
  for (const Targets& one : test.targets) {
    targets.insert(targets.end(), one.begin(), one.end());
  }
  GridSummary summary;
  for (const std::string& variant : grid.variants) {
    for (const auto& [fraction, cell] : grid.cells.at(variant)) {
      summary.cells.push_back(cell_score(variant, fraction, cell, classes));
    }
  }
  for (std::size_t a = 0; a < grid.variants.size(); ++a) {
    for (std::size_t b = a + 1; b < grid.variants.size(); ++b) {
      const auto& others = grid.cells.at(grid.variants[b]);
      for (const auto& [fraction, cell] : grid.cells.at(grid.variants[a])) {
        if (!others.contains(fraction)) {
          continue;
        }
        SourceComparison comparison = compare(cell, others.at(fraction), scores, targets, classes);
        comparison.fraction = fraction;
        comparison.first = grid.variants[a];
        comparison.second = grid.variants[b];
        summary.comparisons.push_back(std::move(comparison));
      }
    }
  }
  return summary;
}

}  // namespace medisyn
