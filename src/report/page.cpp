#include "medisyn/report/page.h"

#include <fmt/format.h>

#include <cmath>

#include "medisyn/report/html.h"
#include "page_assets.h"

namespace medisyn {
namespace {

/// What a curve shows, for those who do not see it.
std::string describe(const LineChart& chart) {
  std::string text = chart.heading;
  for (const Curve& curve : chart.curves) {
    if (!curve.points.empty()) {
      text += fmt::format("; {}: from {:.4g} to {:.4g} at {} {:.0f}", curve.name, curve.points.front().second,
                          curve.points.back().second, chart.x_label, curve.points.back().first);
    }
  }
  return text;
}

std::string describe(const BarChart& chart) {
  std::string text = chart.heading;
  text += chart.line_name.empty() ? "" : fmt::format("; {}: {:.3g}", chart.line_name, chart.line);
  for (const BarChart::Bars& bars : chart.bars) {
    text += "; " + bars.name + ":";
    for (std::size_t i = 0; i < chart.groups.size(); ++i) {
      if (std::isfinite(bars.values.at(i))) {
        text += fmt::format(" {} {:.3g}", chart.groups[i], bars.values[i]);
      }
    }
  }
  return text;
}

std::string describe(const CountChart& chart) {
  std::string text = chart.heading;
  for (const CountChart::Bars& bars : chart.bars) {
    text += "; " + bars.name + ":";
    for (std::size_t i = 0; i < chart.groups.size(); ++i) {
      text += fmt::format(" {} {}", chart.groups[i], bars.counts.at(i));
    }
  }
  return text;
}

bool has_points(const LineChart& chart) {
  for (const Curve& curve : chart.curves) {
    if (!curve.points.empty()) {
      return true;
    }
  }
  return false;
}

Json data_of(const LineChart& chart) {
  Json data = {{"label", chart.label},
               {"x_label", chart.x_label},
               {"logarithmic", chart.logarithmic},
               {"x_logarithmic", chart.x_logarithmic},
               {"curves", Json::array()}};
  for (const Curve& curve : chart.curves) {
    data["curves"].push_back({{"name", curve.name}, {"points", curve.points}});
    if (!curve.band.empty()) {
      data["curves"].back()["band"] = curve.band;
    }
  }
  return data;
}

Json data_of(const BarChart& chart) {
  Json data = {{"label", chart.label}, {"groups", chart.groups},       {"most", chart.most},
               {"line", chart.line},   {"line_name", chart.line_name}, {"bars", Json::array()}};
  for (const BarChart::Bars& bars : chart.bars) {
    data["bars"].push_back({{"name", bars.name}, {"values", bars.values}});  // NaN becomes null
  }
  return data;
}

Json data_of(const CountChart& chart) {
  Json data = {{"label", chart.label}, {"groups", chart.groups}, {"counts", Json::array()}};
  for (const CountChart::Bars& bars : chart.bars) {
    data["counts"].push_back({{"name", bars.name}, {"values", bars.counts}});
  }
  return data;
}

}  // namespace

Page::Page(std::string title, std::string subtitle)
    : title_(std::move(title)), subtitle_(std::move(subtitle)) {}

void Page::open_section(const std::string& heading) {
  headings_.push_back(heading);
  sections_.emplace_back();
}

void Page::add_html(const std::string& html) { (sections_.empty() ? head_ : sections_.back()) += html; }

void Page::add_text(const std::string& text) { add_html("<p>" + escape_html(text) + "</p>\n"); }

void Page::add_note(const std::vector<std::string>& paragraphs) {
  std::string html = "<div class=\"note\" role=\"note\">";
  for (const std::string& paragraph : paragraphs) {
    html += "<p>" + escape_html(paragraph) + "</p>";
  }
  add_html(html + "</div>\n");
}

void Page::add_cards(const std::vector<Card>& cards) {
  std::string html = "<div class=\"cards\">";
  for (const Card& card : cards) {
    html += fmt::format("<div class=\"card\"><span>{}</span><b>{}</b><span>{}</span></div>",
                        escape_html(card.label), escape_html(card.value), escape_html(card.note));
  }
  add_html(html + "</div>\n");
}

std::string Page::figure(const std::string& heading, const std::string& description, const Json& data,
                         std::size_t height) {
  return fmt::format(
      "<figure><figcaption>{0}</figcaption><div class=\"chart\"{4}><canvas id=\"chart{1}\" role=\"img\" "
      "aria-label=\"{2}\"></canvas></div><script type=\"application/json\" "
      "data-chart=\"chart{1}\">{3}</script>"
      "</figure>\n",
      escape_html(heading), ++charts_, escape_html(description), script_json(data),
      height == 0 ? "" : fmt::format(" style=\"height:{}px\"", height));
}

void Page::add_charts(const std::vector<LineChart>& charts) {
  std::string html;
  for (const LineChart& chart : charts) {
    if (has_points(chart)) {
      html += figure(chart.heading, describe(chart), data_of(chart));
    }
  }
  if (!html.empty()) {
    add_html("<div class=\"charts\">\n" + html + "</div>\n");
  }
}

void Page::add_chart(const BarChart& chart) {
  add_html(figure(chart.heading, describe(chart), data_of(chart)));
}

void Page::add_count_chart(const CountChart& chart) {
  constexpr std::size_t kBar = 16;     // pixels
  constexpr std::size_t kGap = 14;     // between two groups
  constexpr std::size_t kAround = 96;  // axis and legend
  add_html(figure(chart.heading, describe(chart), data_of(chart),
                  kAround + chart.groups.size() * (kGap + kBar * chart.bars.size())));
}

std::string Page::navigation() const {
  if (headings_.empty()) {
    return {};
  }
  std::string html = "<nav aria-label=\"Sections\"><ul>";
  for (std::size_t i = 0; i < headings_.size(); ++i) {
    html += fmt::format("<li><a href=\"#section{}\">{}</a></li>", i + 1, escape_html(headings_[i]));
  }
  return html + "</ul></nav>\n";
}

std::string Page::html() const {
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
      "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">"
      "<title>{0}</title>\n<style>\n{1}</style></head>\n<body><header><h1>{0}</h1><p "
      "class=\"lead\">{2}</p></header>\n"
      "{3}<main>\n{4}",
      escape_html(title_), kPageStyle, escape_html(subtitle_), navigation(), head_);
  for (std::size_t i = 0; i < sections_.size(); ++i) {
    page += fmt::format("<section id=\"section{}\"><h2>{}</h2>\n{}</section>\n", i + 1,
                        escape_html(headings_[i]), sections_[i]);
  }
  if (!footer_.empty()) {
    page += "<footer>" + escape_html(footer_) + "</footer>\n";
  }
  page += "</main>\n";
  if (charts_ > 0) {
    page += fmt::format("<script>{}</script>\n<script>\n{}</script>\n", kChartJs, kPageScript);
  }
  return page + "</body></html>\n";
}

}  // namespace medisyn
