#include <algorithm>
#include <map>

#include "medisyn/eval/classify/tables.h"
#include "medisyn/report/html.h"
#include "medisyn/report/page.h"

namespace medisyn {
namespace {

/// AUROC against the fraction: the mean over seeds, one deviation around it.
LineChart auroc_chart(const std::string& heading, const GridSummary& summary,
                      std::optional<std::size_t> class_index) {
  LineChart chart{.heading = heading,
                  .label = "AUROC",
                  .curves = {},
                  .x_label = "% of the training set",
                  .x_logarithmic = true};
  for (const CellScore& score : summary.cells) {
    const MeanScore& mean = class_index ? score.classes[*class_index] : score.macro;
    if (chart.curves.empty() || chart.curves.back().name != score.variant) {
      chart.curves.push_back({.name = score.variant, .points = {}});
    }
    if (mean.mean) {
      const double deviation = mean.deviation.value_or(0);
      chart.curves.back().points.emplace_back(score.fraction, *mean.mean);
      chart.curves.back().band.emplace_back(std::max(0.0, *mean.mean - deviation),
                                            std::min(1.0, *mean.mean + deviation));
    }
  }
  return chart;
}

std::string p_text(double p) { return p < 0.0001 ? "< 0.0001" : fmt::format("{:.4f}", p); }

/// A table with the leak check under it.
class Tables {
 public:
  Tables(Page& page, const GridReport& report) : page_(page), leaks_(leak_line(report.data.leaks)) {}

  void add(const std::string& heading, const GridTable& table) {
    page_.add_html("<h3>" + escape_html(heading) + "</h3>" + html_table(table.header, table.rows));
    page_.add_text(leaks_);
  }

 private:
  Page& page_;
  std::string leaks_;
};

GridTable comparison_rows(const GridReport& report) {
  GridTable table{.header = {"sources", "% of the training set", "difference of the macro-AUROC",
                             "better seeds", "p over seeds"}};
  for (const std::string& name : report.config.class_names()) {
    table.header.push_back(name + ": DeLong's p");
  }
  for (const SourceComparison& one : report.summary.comparisons) {
    std::vector<std::string> row = {
        one.second + " – " + one.first, fmt::format("{}", one.fraction),
        !one.difference.mean ? "–"
        : one.difference.deviation
            ? fmt::format("{:+.4f} ± {:.4f}", *one.difference.mean, *one.difference.deviation)
            : fmt::format("{:+.4f}", *one.difference.mean),
        fmt::format("{} of {}", one.better, one.difference.seeds), one.p ? p_text(*one.p) : "–"};
    for (std::size_t c = 0; c < report.config.classes.size(); ++c) {
      const bool is_there = c < one.classes.size() && one.classes[c];
      row.push_back(is_there ? fmt::format("{} ({:+.4f})", p_text(one.classes[c]->p),
                                           one.classes[c]->second - one.classes[c]->first)
                             : "absent");
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

GridTable effort_rows(const GridReport& report) {
  GridTable table{.header = {"source", "% of the training set", "images", "steps", "epochs"}};
  for (const CellScore& score : report.summary.cells) {
    table.rows.push_back({score.variant, fmt::format("{}", score.fraction), fmt::format("{}", score.images),
                          fmt::format("{:.6g}", score.steps), fmt::format("{:.4g}", score.epochs)});
  }
  return table;
}

GridTable run_rows(const GridReport& report) {
  GridTable table{.header = {"run", "images", "best step", "validation macro", "test macro"}};
  const auto names = report.config.class_names();
  table.header.insert(table.header.end(), names.begin(), names.end());
  for (const RunResult& run : report.runs) {
    std::vector<std::string> row = {run.run, fmt::format("{}", run.images), fmt::format("{}", run.best_step),
                                    fmt::format("{:.4f}", run.validation_macro_auroc),
                                    run.macro_auroc ? fmt::format("{:.4f}", *run.macro_auroc) : "absent"};
    for (const ClassScore& score : run.classes) {
      row.push_back(!score.auroc     ? "absent"
                    : score.interval ? fmt::format("{:.4f} ({:.4f}–{:.4f})", *score.auroc,
                                                   score.interval->low, score.interval->high)
                                     : fmt::format("{:.4f}", *score.auroc));
    }
    table.rows.push_back(std::move(row));
  }
  return table;
}

void add_comparisons(Page& page, Tables& tables, const GridReport& report) {
  page.open_section("Sources compared");
  page.add_text(
      "Seed by seed, on the same test images: second minus first, Wilcoxon's signed-rank test over the seeds "
      "(two-sided; with five seeds it cannot fall below 0.0625). By class: DeLong's test over the test "
      "images, scores averaged over the seeds, with the difference in brackets; it takes the images for "
      "independent, those of one patient are not. No p is corrected for the number of comparisons.");
  tables.add("Differences", comparison_rows(report));
}

void add_cards(Page& page, const GridReport& report) {
  std::vector<Card> cards;
  std::map<std::string, const CellScore*> largest;
  for (const CellScore& score : report.summary.cells) {
    largest[score.variant] = &score;
  }
  for (const auto& [variant, score] : largest) {
    cards.push_back({variant, score->macro.mean ? fmt::format("{:.3f}", *score->macro.mean) : "absent",
                     fmt::format("macro-AUROC at {} %, {} images, mean of {} seeds", score->fraction,
                                 score->images, score->macro.seeds)});
  }
  page.add_cards(cards);
}

}  // namespace

std::string grid_page(const GridReport& report) {
  const Cohorts& cohorts = report.data.cohorts;
  const ClassifierConfig& classifier = report.config.classifier;
  Page page(
      report.config.title,
      fmt::format("{}, {}; {} training, {} validation and {} test images, all scores on real test images",
                  classifier.model, classifier.multi_label ? "multi-label" : "one class an image",
                  cohorts.train.targets.size(), cohorts.validation.targets.size(),
                  cohorts.test.targets.size()));
  add_cards(page, report);
  page.add_note({leak_line(report.data.leaks)});
  Tables tables(page, report);
  page.open_section("AUROC against the fraction");
  std::vector<LineChart> charts = {auroc_chart("Macro-AUROC", report.summary, std::nullopt)};
  for (std::size_t c = 0; c < report.config.classes.size(); ++c) {
    charts.push_back(auroc_chart(report.config.classes[c].name, report.summary, c));
  }
  page.add_charts(charts);
  page.add_text(
      "Lines: mean over seeds of the state with the best macro-AUROC on the validation images. Bands: one "
      "standard deviation. A class without positives or negatives in the test set is absent.");
  page.open_section("Mean and deviation over seeds");
  tables.add("Macro-AUROC", mean_table(report.summary, std::nullopt));
  for (std::size_t c = 0; c < report.config.classes.size(); ++c) {
    tables.add(report.config.classes[c].name, mean_table(report.summary, c));
  }
  if (!report.summary.comparisons.empty()) {
    add_comparisons(page, tables, report);
  }
  page.open_section("What each was trained on");
  page.add_text(
      "Real + synthetic doubles the images: at matched epochs it takes twice the steps, at matched steps "
      "half the epochs.");
  tables.add("Steps and epochs", effort_rows(report));
  tables.add("Images by class", subsets_table(report.data, report.config));
  page.open_section("Runs");
  page.add_text("In brackets: DeLong's 95 % interval.");
  tables.add("Each run", run_rows(report));
  return page.html();
}

}  // namespace medisyn
