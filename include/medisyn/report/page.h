// One self-contained HTML page: style, charts and pictures inside, no request to anywhere.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "medisyn/core/run_record.h"

namespace medisyn {

/// One curve of a chart: points (x, y) in order of x.
struct Curve {
  std::string name;
  std::vector<std::pair<double, double>> points;
  std::vector<std::pair<double, double>> band = {};  ///< (low, high) around each point; empty: none
};

struct LineChart {
  std::string heading;
  std::string label;  ///< of the y axis, with its unit
  std::vector<Curve> curves;
  bool logarithmic = false;
  std::string x_label = "step";
  bool x_logarithmic = false;
};

/// Bars side by side in groups, with one dashed line across where it has a name.
struct BarChart {
  struct Bars {
    std::string name;
    std::vector<double> values;  ///< one a group; NaN draws none
  };
  std::string heading;
  std::string label;
  std::vector<std::string> groups = {};
  std::vector<Bars> bars = {};
  double most = 1;  ///< where the y axis ends
  double line = 0;
  std::string line_name = {};
};

/// Counts from one to a million: lying bars in groups below each other, on a logarithmic axis, each with its
/// number behind it.
struct CountChart {
  struct Bars {
    std::string name;
    std::vector<std::int64_t> counts;  ///< one a group; 0 draws none
  };
  std::string heading;
  std::string label;  ///< of what is counted
  std::vector<std::string> groups;
  std::vector<Bars> bars;
};

/// A number that should be seen first.
struct Card {
  std::string label, value, note;
};

class Page {
 public:
  Page(std::string title, std::string subtitle);

  /// Starts a section, which the navigation names. What is added next stands in it.
  void open_section(const std::string& heading);

  /// `html` goes in as it is: escape what comes from files.
  void add_html(const std::string& html);

  /// A paragraph of plain text.
  void add_text(const std::string& text);

  /// Paragraphs that must not be passed over.
  void add_note(const std::vector<std::string>& paragraphs);

  void add_cards(const std::vector<Card>& cards);

  /// Line charts side by side where there is room; a chart without points is left out.
  void add_charts(const std::vector<LineChart>& charts);
  void add_chart(const BarChart& chart);
  void add_count_chart(const CountChart& chart);

  /// The last line of the page.
  void set_footer(std::string text) { footer_ = std::move(text); }

  std::string html() const;

 private:
  /// `height` in pixels; 0: the usual one.
  std::string figure(const std::string& heading, const std::string& description, const Json& data,
                     std::size_t height = 0);
  std::string navigation() const;

  std::string title_;
  std::string subtitle_;
  std::string head_;                   ///< before the first section
  std::vector<std::string> headings_;  ///< of the sections
  std::vector<std::string> sections_;
  std::string footer_;
  int charts_ = 0;
};

}  // namespace medisyn
