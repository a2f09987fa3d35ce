#include "score_plots.h"

#include <fmt/format.h>

#include <numeric>

#include "medisyn/report/html.h"

namespace medisyn {
namespace {

constexpr int kWidth = 560, kLeft = 170, kRight = 60, kRow = 26, kTop = 8, kBottom = 44, kTicks = 5;

/// Where a value lies, in units of the drawing.
double place(const DotPlot& plot, double value) {
  return kLeft + (value - plot.least) / (plot.most - plot.least) * (kWidth - kLeft - kRight);
}

std::string axis(const DotPlot& plot, int height) {
  std::string svg;
  for (int i = 0; i <= kTicks; ++i) {
    const double value = plot.least + (plot.most - plot.least) * i / kTicks;
    const double x = place(plot, value);
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" style=\"stroke:var(--line)\"/>"
        "<text x=\"{0:.1f}\" y=\"{3}\" text-anchor=\"middle\" style=\"fill:var(--soft)\">{4:.3g}</text>",
        x, kTop, height - kBottom, height - kBottom + 17, value);
  }
  if (plot.line) {
    svg += fmt::format(
        "<line x1=\"{0:.1f}\" x2=\"{0:.1f}\" y1=\"{1}\" y2=\"{2}\" stroke-dasharray=\"4 4\" "
        "style=\"stroke:var(--text)\"/>",
        place(plot, *plot.line), kTop, height - kBottom);
  }
  return svg + fmt::format(
                   "<text x=\"{:.1f}\" y=\"{}\" text-anchor=\"middle\" style=\"fill:var(--soft)\">{}</text>",
                   (place(plot, plot.least) + place(plot, plot.most)) / 2, height - 6,
                   escape_html(plot.axis));
}

/// A label that is too long for its room ends in dots; the table has the whole.
std::string short_label(const std::string& label) {
  constexpr std::size_t kMost = 26;
  std::size_t letters = 0, end = 0;
  while (end < label.size() && letters < kMost) {
    do {
      ++end;
    } while (end < label.size() &&
             (static_cast<unsigned char>(label[end]) & 0xC0U) == 0x80U);  // inside UTF-8
    ++letters;
  }
  return end < label.size() ? label.substr(0, end) + "\u2026" : label;
}

std::string line_of(const DotPlot& plot, const DotRow& row, int number) {
  const int y = kTop + number * kRow + kRow / 2;
  std::string svg = fmt::format(
      "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" style=\"fill:var(--text);font-weight:{}\">{}</text>",
      kLeft - 12, y + 4, row.is_whole ? 600 : 400, escape_html(short_label(row.label)));
  if (!row.value) {
    return svg + fmt::format("<text x=\"{}\" y=\"{}\" style=\"fill:var(--soft)\">undefined</text>", kLeft + 6,
                             y + 4);
  }
  const char* colour = row.is_whole ? "var(--text)" : "var(--accent)";
  if (row.interval) {
    svg += fmt::format(
        "<line x1=\"{:.1f}\" x2=\"{:.1f}\" y1=\"{}\" y2=\"{}\" stroke-width=\"{}\" style=\"stroke:{}\"/>",
        place(plot, row.interval->low), place(plot, row.interval->high), y, y, row.is_whole ? 3 : 2, colour);
  }
  return svg + fmt::format(
                   "<circle cx=\"{:.1f}\" cy=\"{}\" r=\"{}\" style=\"fill:{}\"/>"
                   "<text x=\"{}\" y=\"{}\" text-anchor=\"end\" style=\"fill:var(--text)\">{:.3g}</text>",
                   place(plot, *row.value), y, row.is_whole ? 6 : 5, colour, kWidth - 8, y + 4, *row.value);
}

std::string description(const DotPlot& plot) {
  std::string text = plot.heading;
  for (const DotRow& row : plot.rows) {
    text += row.value ? fmt::format("; {}: {:.3g}", row.label, *row.value)
                      : fmt::format("; {}: undefined", row.label);
    if (row.value && row.interval) {
      text += fmt::format(" ({:.3g} to {:.3g})", row.interval->low, row.interval->high);
    }
  }
  return text;
}

}  // namespace

std::string dot_plot_html(const DotPlot& plot) {
  const int height = kTop + kRow * static_cast<int>(plot.rows.size()) + kBottom;
  std::string svg = axis(plot, height);
  int number = 0;
  for (const DotRow& row : plot.rows) {
    svg += line_of(plot, row, number++);
  }
  return fmt::format(
      "<figure><figcaption>{}</figcaption><svg viewBox=\"0 0 {} {}\" role=\"img\" aria-label=\"{}\" "
      "style=\"width:100%;max-width:760px;height:auto;font-size:13px\">{}</svg></figure>\n",
      escape_html(plot.heading), kWidth, height, escape_html(description(plot)), svg);
}

std::string confusion_html(const std::string& heading, const std::vector<std::string>& classes,
                           const std::vector<std::vector<std::int64_t>>& counts) {
  std::string html =
      "<figure><figcaption>" + escape_html(heading) +
      "</figcaption><div class=\"scroll\"><table><thead><tr><th scope=\"col\">true \\ chosen</th>";
  for (const std::string& name : classes) {
    html += "<th scope=\"col\">" + escape_html(name) + "</th>";
  }
  html += "</tr></thead><tbody>";
  for (std::size_t t = 0; t < classes.size(); ++t) {
    const std::int64_t all = std::accumulate(counts[t].begin(), counts[t].end(), std::int64_t{0});
    html += "<tr><th scope=\"row\">" + escape_html(classes[t]) + "</th>";
    for (const std::int64_t count : counts[t]) {
      const double percent = all == 0 ? 0 : 100.0 * static_cast<double>(count) / static_cast<double>(all);
      html += fmt::format(
          "<td style=\"background:color-mix(in srgb, var(--accent) {:.0f}%, transparent)\">{}</td>",
          percent / 2, count);
    }
    html += "</tr>";
  }
  return html + "</tbody></table></div></figure>\n";
}

}  // namespace medisyn
