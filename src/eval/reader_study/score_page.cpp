#include <fmt/format.h>

#include "medisyn/eval/reader_study/score_tables.h"
#include "medisyn/report/html.h"
#include "medisyn/report/page.h"
#include "score_plots.h"

namespace medisyn {
namespace {

std::string label_of(const std::string& group, const std::string& reader) {
  return !reader.empty() ? reader : group.empty() ? "all readers" : group;
}

/// Readers above their group, over all pairs.
DotPlot by_reader(const StudyScore& score, const std::string& heading,
                  std::optional<double> RealismScore::*value, Interval RealismScore::*interval) {
  DotPlot plot{.heading = heading, .axis = "share", .line = 0.5};
  for (const RealismScore& row : score.realism) {
    if (row.class_name.empty() && row.type.empty()) {
      plot.rows.push_back({label_of(row.group, row.reader), row.*value, row.*interval, row.reader.empty()});
    }
  }
  return plot;
}

/// Groups by type of pair or by class.
DotPlot by_slice(const StudyScore& score, const std::string& heading, std::string RealismScore::*slice,
                 std::optional<double> RealismScore::*value, Interval RealismScore::*interval) {
  DotPlot plot{.heading = heading, .axis = "share", .line = 0.5};
  for (const RealismScore& row : score.realism) {
    if (row.reader.empty() && !(row.*slice).empty()) {
      const std::string group = row.group.empty() ? "" : row.group + ", ";
      plot.rows.push_back({group + row.*slice, row.*value, row.*interval, true});
    }
  }
  return plot;
}

std::optional<double> rate(std::int64_t hits, std::int64_t trials) {
  return trials == 0 ? std::nullopt : std::optional(static_cast<double>(hits) / static_cast<double>(trials));
}

std::vector<DotPlot> alignment_plots(const StudyScore& score) {
  DotPlot quality{.heading = "Quality sufficient", .axis = "share"};
  DotPlot right{.heading = "Class correct", .axis = "share"};
  DotPlot confidence{.heading = "Confidence in the class", .axis = "1 to 5", .least = 1, .most = 5};
  for (const AlignmentScore& row : score.alignment) {
    const bool is_whole = row.reader.empty();
    const std::string label = label_of(row.group, row.reader) + (row.is_synthetic ? ", synthetic" : ", real");
    quality.rows.push_back(
        {label, rate(row.quality_sufficient, row.quality_answers), row.quality_interval, is_whole});
    right.rows.push_back({label, rate(row.class_correct, row.class_answers), row.class_interval, is_whole});
    confidence.rows.push_back({label,
                               row.confidence_answers > 0 ? std::optional(row.confidence_mean) : std::nullopt,
                               row.confidence_interval, is_whole});
  }
  return {quality, right, confidence};
}

DotPlot times_plot(const StudyScore& score) {
  DotPlot plot{.heading = "Seconds for an answer: median and quartiles", .axis = "seconds", .most = 5};
  for (const ResponseTime& row : score.times) {
    if (row.reader.empty()) {
      const bool has = row.answers > 0;
      plot.rows.push_back({(row.group.empty() ? "" : row.group + ", ") + row.type,
                           has ? std::optional(row.median) : std::nullopt,
                           has ? Interval(RateInterval{row.quartile_1, row.quartile_3}) : std::nullopt,
                           true});
      while (row.quartile_3 > plot.most) {
        plot.most *= 2;
      }
    }
  }
  return plot;
}

void add_plots(Page& page, const std::vector<DotPlot>& plots) {
  std::string html;
  for (const DotPlot& plot : plots) {
    html += plot.rows.empty() ? "" : dot_plot_html(plot);
  }
  page.add_html("<div class=\"charts\">" + html + "</div>");
}

void add_confusion(Page& page, const StudyScore& score, const StudyKey& key) {
  std::string html;
  for (const ConfusionMatrix& matrix : score.confusion) {
    const std::string group = matrix.group.empty() ? "" : matrix.group + ": ";
    html += confusion_html(group + (matrix.is_synthetic ? "synthetic" : "real") + " images", key.classes,
                           matrix.counts);
  }
  page.add_html("<div class=\"charts\">" + html + "</div>");
}

std::string percent(const std::optional<double>& value) {
  return value ? fmt::format("{:.0f} %", 100 * *value) : "undefined";
}

std::string percent(const Interval& interval) {
  return interval ? fmt::format("95 %: {:.0f} to {:.0f} %", 100 * interval->low, 100 * interval->high)
                  : "no interval";
}

void add_group_cards(Page& page, const StudyScore& score) {
  std::vector<Card> cards;
  for (const RealismScore& row : score.realism) {
    if (row.reader.empty() && row.class_name.empty() && row.type.empty()) {
      const std::string name = label_of(row.group, "");
      cards.push_back({name + ": recall", percent(row.recall), percent(row.recall_interval)});
      cards.push_back({name + ": precision", percent(row.precision), percent(row.precision_interval)});
    }
  }
  page.add_cards(cards);
}

void add_table(Page& page, const ScoreTable& table) {
  page.add_html("<details><summary>" + escape_html(table.heading) + " <small>" + escape_html(table.name) +
                "</small></summary>" + html_table(table.header, table.rows) + "</details>");
}

}  // namespace

std::string score_page(const StudyScore& score, const StudyKey& key, const std::string& title) {
  Page page(title, "Study " + key.study_id);
  add_group_cards(page, score);
  page.open_section("Recall and precision");
  page.add_text(
      "Each image of a pair is judged on its own; synthetic is the positive class. A group's value is the "
      "mean over its "
      "readers; precision is undefined where a reader marked nothing. Whiskers are intervals of 95 %: Wilson "
      "for a reader, "
      "bootstrap over readers and cases for a group. The dashed line is chance at equal numbers of real and "
      "synthetic images.");
  add_plots(page, {by_reader(score, "Recall", &RealismScore::recall, &RealismScore::recall_interval),
                   by_reader(score, "Precision", &RealismScore::precision, &RealismScore::precision_interval),
                   by_slice(score, "Accuracy by type of pair", &RealismScore::type, &RealismScore::accuracy,
                            &RealismScore::accuracy_interval),
                   by_slice(score, "Recall by class", &RealismScore::class_name, &RealismScore::recall,
                            &RealismScore::recall_interval)});
  page.open_section("Images and their text");
  page.add_text(
      "Single images: is the quality sufficient, which class is shown, and how sure is the reader?");
  add_plots(page, alignment_plots(score));
  add_confusion(page, score, key);
  page.open_section("Response times");
  add_plots(page, {times_plot(score)});
  page.open_section("Tables");
  for (const ScoreTable& table : score_tables(score, key)) {
    add_table(page, table);
  }
  return page.html();
}

}  // namespace medisyn
