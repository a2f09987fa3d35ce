#include "classify_grid.h"

#include <algorithm>

#include "medisyn/core/log.h"
#include "medisyn/eval/classify/tables.h"
#include "medisyn/io/csv.h"
#include "medisyn/report/table.h"

namespace medisyn {
namespace {

void add_inputs(RunRecord& record, const ClassifyConfig& config) {
  record.add_input(config.real.manifest);
  std::vector<fs::path> generated = config.synthetic.images;
  for (const ClassifyPoolConfig& one : config.synthetic.by_fraction) {
    generated.insert(generated.end(), one.images.begin(), one.images.end());
  }
  for (const fs::path& folder : generated) {
    record.add_input(folder);
  }
  record.add_input(config.classifier.weights);
}

}  // namespace

void report_classify(const ClassifyGrid& grid, const ClassifyFolder& folder, RunRecord& record,
                     const CommonOptions& common, const std::string& command) {
  const std::vector<std::string> classes = grid.config.class_names();
  const auto finished = folder.finished(grid.runs, RunKeys(grid.data), classes);
  if (finished.size() < grid.runs.size()) {
    log_warning("{} of {} runs are finished; the others are made by the same command: {}", finished.size(),
                grid.runs.size(), command);
    return;
  }
  std::vector<RunResult> runs;
  RunScores scores;
  for (const GridRun& run : grid.runs) {
    runs.push_back(finished.at(run.name));
    scores[run.name] = read_predictions(folder.predictions_file(run.name), grid.data.cohorts.test, classes);
  }
  std::stable_sort(runs.begin(), runs.end(), [&](const RunResult& a, const RunResult& b) {
    const auto place = [&](const RunResult& run) {
      return std::find(grid.config.sources.begin(), grid.config.sources.end(), run.source);
    };
    return place(a) < place(b);
  });
  const GridSummary summary = summarise(runs, scores, grid.data.cohorts.test, classes.size());
  const GridReport report{.config = grid.config, .data = grid.data, .runs = runs, .summary = summary};
  for (const GridTable& table : grid_tables(report)) {
    write_csv(folder.path() / table.name, table.header, table.rows);
  }
  write_file(folder.path() / "page.html", grid_page(report));
  record.config = config_to_json(grid.config);
  add_inputs(record, grid.config);
  record.metrics = grid_metrics(report);
  record.write(folder.path());
  if (common.json) {
    fmt::print("{}\n", record.to_json().dump());
    return;
  }
  const GridTable table = mean_table(summary, std::nullopt);
  fmt::print("Macro-AUROC on {} real test images, mean ± sd of {} seeds\n\n{}\n{}\nFigure and tables: {}\n",
             grid.data.test.size(), grid.config.seeds.size(), text_table(table.header, table.rows),
             leak_line(grid.data.leaks), (folder.path() / "page.html").string());
}

}  // namespace medisyn
