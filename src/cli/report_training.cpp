#include <algorithm>
#include <map>

#include "medisyn/io/jsonl.h"
#include "medisyn/report/html.h"
#include "report_parts.h"

namespace medisyn {
namespace {

/// "validation/psnr/CT" -> "CT", "validation/psnr" -> "all"
std::string curve_name(const std::string& key) {
  const bool is_total = std::count(key.begin(), key.end(), '/') < 2;
  return is_total ? "all" : key.substr(key.rfind('/') + 1);
}

LineChart losses_of(const std::vector<Json>& lines) {
  LineChart chart{.heading = "Training loss", .label = "loss", .curves = {{"loss", {}}}, .logarithmic = true};
  for (const Json& line : lines) {
    if (const auto loss = line.find("loss"); loss != line.end() && loss->is_number()) {
      chart.curves.front().points.emplace_back(line.at("step").get<double>(), loss->get<double>());
      chart.logarithmic = chart.logarithmic && loss->get<double>() > 0;
    }
  }
  return chart;
}

/// The scores of held-out images, one curve an image type and one of all.
LineChart scores_of(const std::vector<Json>& lines) {
  std::map<std::string, Curve> curves;
  bool is_psnr = false;
  for (const Json& line : lines) {
    for (const auto& [key, value] : line.items()) {
      if (key.starts_with("validation/") && value.is_number()) {
        Curve& curve = curves[key];
        curve.name = curve_name(key);
        curve.points.emplace_back(line.at("step").get<double>(), value.get<double>());
        is_psnr = is_psnr || key.starts_with("validation/psnr");
      }
    }
  }
  LineChart chart{
      .heading = is_psnr ? "Reconstruction of held-out images" : "Validation loss, held-out images",
      .label = is_psnr ? "PSNR, dB" : "loss",
      .curves = {}};
  for (const auto& [key, curve] : curves) {
    chart.curves.push_back(curve);
  }
  return chart;
}

std::vector<std::vector<std::string>> rows_of(const LineChart& scores) {
  std::vector<std::vector<std::string>> rows;
  for (const Curve& curve : scores.curves) {
    const auto& points = curve.points;
    const auto best = std::minmax_element(points.begin(), points.end(),
                                          [](const auto& a, const auto& b) { return a.second < b.second; });
    const bool higher_is_better = scores.label.starts_with("PSNR");
    rows.push_back({curve.name, fmt::format("{:.3f}", points.front().second),
                    fmt::format("{:.3f}", points.back().second),
                    fmt::format("{:.3f}", (higher_is_better ? best.second : best.first)->second)});
  }
  return rows;
}

}  // namespace

void add_training(Page& page, const std::vector<ReportEntry>& runs, ReportResults& results) {
  if (runs.empty()) {
    return;
  }
  page.open_section("Training");
  for (const ReportEntry& run : runs) {
    const Json& metrics = results.of(run.path).at("metrics");
    const std::vector<Json> lines = read_jsonl(run.path / "metrics.jsonl");
    page.add_html("<h3>" + escape_html(run.title) + "</h3>\n");
    if (metrics.contains("steps") && metrics.contains("parameters")) {
      page.add_text(
          fmt::format("{} steps, {} parameters", metrics["steps"].dump(), metrics["parameters"].dump()));
    }
    try {
      const LineChart scores = scores_of(lines);
      page.add_charts({losses_of(lines), scores});
      if (!scores.curves.empty()) {
        page.add_html(html_table({scores.label, "first", "last", "best"}, rows_of(scores)));
      }
    } catch (const Json::exception& error) {
      fail("{}: not the log of a training run: {}", (run.path / "metrics.jsonl").string(), error.what());
    }
  }
}

}  // namespace medisyn
