#include "medisyn/eval/classify/tables.h"

#include <algorithm>
#include <set>

namespace medisyn {
namespace {

std::string cell(double value) { return fmt::format("{:.6g}", value); }
std::string cell(std::int64_t value) { return fmt::format("{}", value); }
std::string cell(const std::optional<double>& value) { return value ? cell(*value) : ""; }

Json json_of(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

Json json_of(const MeanScore& score) {
  return {{"mean", json_of(score.mean)}, {"std", json_of(score.deviation)}, {"seeds", score.seeds}};
}

/// "none", or what is shared or not known.
std::string leak_cell(const std::vector<LeakCheck>& leaks) {
  const bool is_clean =
      std::all_of(leaks.begin(), leaks.end(), [](const LeakCheck& leak) { return leak.is_clean(); });
  return is_clean ? "none" : leak_line(leaks);
}

void add_mean_row(GridTable& table, const CellScore& score, const std::string& name, const MeanScore& mean,
                  const std::string& count) {
  table.rows.push_back({score.variant, cell(score.fraction), cell(score.images), cell(score.steps),
                        cell(score.epochs), name, count, cell(mean.seeds), cell(mean.mean),
                        cell(mean.deviation)});
}

GridTable auroc_table(const GridReport& report) {
  GridTable table{.name = "auroc.csv",
                  .header = {"source", "fraction", "images", "steps", "epochs", "class", "class_images",
                             "seeds", "auroc_mean", "auroc_std"}};
  for (const CellScore& score : report.summary.cells) {
    add_mean_row(table, score, "macro", score.macro, "");
    for (std::size_t c = 0; c < score.classes.size(); ++c) {
      add_mean_row(table, score, report.config.classes[c].name, score.classes[c],
                   cell(score.class_counts[c]));
    }
  }
  return table;
}

GridTable runs_table(const GridReport& report) {
  GridTable table{.name = "runs.csv",
                  .header = {"run",
                             "source",
                             "fraction",
                             "seed",
                             "images",
                             "steps",
                             "epochs",
                             "best_step",
                             "validation_macro_auroc",
                             "macro_auroc",
                             "class",
                             "class_images",
                             "test_positives",
                             "test_negatives",
                             "auroc",
                             "auroc_low",
                             "auroc_high",
                             "images_per_second",
                             "data_wait",
                             "seconds"}};
  for (const RunResult& run : report.runs) {
    for (std::size_t c = 0; c < run.classes.size(); ++c) {
      const ClassScore& score = run.classes[c];
      table.rows.push_back({run.run,
                            variant_of(run.source, run.match),
                            cell(run.fraction),
                            cell(run.seed),
                            cell(run.images),
                            cell(run.steps),
                            cell(run.epochs),
                            cell(run.best_step),
                            cell(run.validation_macro_auroc),
                            cell(run.macro_auroc),
                            report.config.classes[c].name,
                            cell(run.class_counts[c]),
                            cell(score.positives),
                            cell(score.negatives),
                            cell(score.auroc),
                            score.interval ? cell(score.interval->low) : "",
                            score.interval ? cell(score.interval->high) : "",
                            cell(run.images_per_second),
                            cell(run.data_wait),
                            cell(run.seconds)});
    }
  }
  return table;
}

GridTable comparisons_table(const GridReport& report) {
  GridTable table{.name = "comparisons.csv",
                  .header = {"fraction", "first", "second", "class", "auroc_first", "auroc_second",
                             "difference", "difference_std", "seeds", "seeds_better", "p", "test"}};
  for (const SourceComparison& one : report.summary.comparisons) {
    table.rows.push_back({cell(one.fraction), one.first, one.second, "macro", "", "",
                          cell(one.difference.mean), cell(one.difference.deviation),
                          cell(one.difference.seeds), cell(one.better), cell(one.p),
                          "Wilcoxon signed-rank over seeds"});
    for (std::size_t c = 0; c < one.classes.size(); ++c) {
      const auto& test = one.classes[c];
      table.rows.push_back({cell(one.fraction), one.first, one.second, report.config.classes[c].name,
                            test ? cell(test->first) : "", test ? cell(test->second) : "",
                            test ? cell(test->second - test->first) : "", "", "", "",
                            test ? cell(test->p) : "", "DeLong, scores averaged over seeds"});
    }
  }
  return table;
}

Json leaks_json(const std::vector<LeakCheck>& leaks) {
  Json list = Json::array();
  for (const LeakCheck& leak : leaks) {
    list.push_back({{"first", leak.first},
                    {"second", leak.second},
                    {"first_groups", leak.first_groups},
                    {"second_groups", leak.second_groups},
                    {"shared_groups", leak.shared_groups},
                    {"shared_images", leak.shared_images},
                    {"why_unknown", leak.why_unknown.empty() ? Json(nullptr) : Json(leak.why_unknown)}});
  }
  return list;
}

Json cells_json(const GridReport& report) {
  Json cells = Json::array();
  for (const CellScore& score : report.summary.cells) {
    Json classes = Json::object();
    for (std::size_t c = 0; c < score.classes.size(); ++c) {
      classes[report.config.classes[c].name] = json_of(score.classes[c]);
      classes[report.config.classes[c].name]["images"] = score.class_counts[c];
    }
    cells.push_back({{"source", score.variant},
                     {"fraction", score.fraction},
                     {"images", score.images},
                     {"steps", score.steps},
                     {"epochs", score.epochs},
                     {"macro_auroc", json_of(score.macro)},
                     {"classes", classes}});
  }
  return cells;
}

Json comparisons_json(const GridReport& report) {
  Json list = Json::array();
  for (const SourceComparison& one : report.summary.comparisons) {
    Json classes = Json::object();
    for (std::size_t c = 0; c < one.classes.size(); ++c) {
      const auto& test = one.classes[c];
      classes[report.config.classes[c].name] =
          test ? Json{{"first", test->first}, {"second", test->second}, {"z", test->z}, {"p", test->p}}
               : Json(nullptr);
    }
    list.push_back({{"fraction", one.fraction},
                    {"first", one.first},
                    {"second", one.second},
                    {"difference", json_of(one.difference)},
                    {"seeds_better", one.better},
                    {"p", json_of(one.p)},
                    {"classes", classes}});
  }
  return list;
}

}  // namespace

GridTable subsets_table(const GridData& data, const ClassifyConfig& config) {
  GridTable table{.name = "subsets.csv", .header = {"fraction", "seed", "images are", "images"}};
  const std::vector<std::string> classes = config.class_names();
  table.header.insert(table.header.end(), classes.begin(), classes.end());
  const auto add = [&](const GridPart& part, const std::string& seed, const char* kind,
                       const std::vector<Targets>& targets) {
    std::vector<std::string> cells = {cell(part.fraction), seed, kind, cell(std::ssize(targets))};
    for (const std::int64_t count : class_counts(targets, classes.size())) {
      cells.push_back(cell(count));
    }
    table.rows.push_back(std::move(cells));
  };
  for (const GridPart& part : data.parts) {
    const std::string seed = config.subsets.per_seed ? cell(part.seed) : "all";
    std::vector<Targets> real, synthetic;
    for (const std::size_t i : part.real) {
      real.push_back(data.cohorts.train.targets[i]);
    }
    add(part, seed, "real", real);
    for (const std::size_t i : part.synthetic) {
      synthetic.push_back(data.pools[part.pool].images[i].targets);
    }
    if (!synthetic.empty()) {
      add(part, seed, "synthetic", synthetic);
    }
  }
  return table;
}

std::vector<GridTable> grid_tables(const GridReport& report) {
  std::vector<GridTable> tables = {auroc_table(report), runs_table(report), comparisons_table(report),
                                   subsets_table(report.data, report.config)};
  const std::string leaks = leak_cell(report.data.leaks);
  for (GridTable& table : tables) {
    table.header.emplace_back("leak_check");
    for (auto& row : table.rows) {
      row.push_back(leaks);
    }
  }
  return tables;
}

GridTable mean_table(const GridSummary& summary, std::optional<std::size_t> class_index) {
  GridTable table{.header = {"% of the training set"}};
  std::set<double> fractions;
  for (const CellScore& score : summary.cells) {
    fractions.insert(score.fraction);
    if (std::find(table.header.begin(), table.header.end(), score.variant) == table.header.end()) {
      table.header.push_back(score.variant);
    }
  }
  for (const double fraction : fractions) {
    std::vector<std::string> row(table.header.size(), "–");
    row[0] = cell(fraction);
    for (const CellScore& score : summary.cells) {
      const MeanScore& mean = class_index ? score.classes[*class_index] : score.macro;
      if (score.fraction == fraction) {
        const auto column = std::find(table.header.begin(), table.header.end(), score.variant);
        row[static_cast<std::size_t>(column - table.header.begin())] =
            !mean.mean       ? "absent"
            : mean.deviation ? fmt::format("{:.4f} ± {:.4f}", *mean.mean, *mean.deviation)
                             : fmt::format("{:.4f}", *mean.mean);
      }
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

Json grid_metrics(const GridReport& report) {
  Json runs = Json::array();
  for (const RunResult& run : report.runs) {
    runs.push_back(to_json(run, report.config.class_names()));
  }
  const Cohorts& cohorts = report.data.cohorts;
  return {{"classes", report.config.class_names()},
          {"multi_label", report.config.classifier.multi_label},
          {"training_images", cohorts.train.targets.size()},
          {"validation_images", cohorts.validation.targets.size()},
          {"test_images", cohorts.test.targets.size()},
          {"no_peek", report.config.no_peek},
          {"leaks", leaks_json(report.data.leaks)},
          {"scores", cells_json(report)},
          {"comparisons", comparisons_json(report)},
          {"runs", runs}};
}

}  // namespace medisyn
