#include "evaluation_pages.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "medisyn/report/html.h"
#include "medisyn/report/page.h"

namespace medisyn {
namespace {

constexpr std::size_t kBins = 20;  ///< of the histogram of scores in 0..1

bool has(const Json& metrics, const char* key) { return metrics.contains(key) && !metrics.at(key).is_null(); }

/// The shares in %, one a bin.
BarChart::Bars histogram(const std::string& name, const std::vector<double>& scores) {
  BarChart::Bars bars{.name = name, .values = std::vector<double>(kBins)};
  for (const double score : scores) {
    const auto bin = static_cast<std::size_t>(std::clamp(score, 0.0, 1.0) * kBins);
    bars.values[std::min(bin, kBins - 1)] += 100 / static_cast<double>(scores.size());
  }
  return bars;
}

double highest(const BarChart& chart) {
  double most = 0;
  for (const BarChart::Bars& bars : chart.bars) {
    for (const double value : bars.values) {
      most = std::isfinite(value) ? std::max(most, value) : most;
    }
  }
  return most;
}

Card card_of(const std::string& label, const Json& score) {
  return {label, fmt::format("{:.3f}", score.at("mean").get<double>()),
          fmt::format("± {:.3f} over {} pairs, {} of them 0", score.at("std").get<double>(),
                      score.at("pairs").get<std::int64_t>(), score.at("zeros").get<std::int64_t>())};
}

void add_similarity_cards(std::vector<Card>& cards, const std::string& name, const Json& side) {
  cards.push_back(card_of(name, side));
  if (has(side, "within_prompts")) {
    cards.push_back(card_of(name + " of one prompt", side.at("within_prompts")));
  }
  if (has(side, "between_prompts")) {
    cards.push_back(card_of(name + " of different prompts", side.at("between_prompts")));
  }
}

std::vector<Card> distance_cards(const Json& metrics) {
  const auto number = [&](const char* key) { return metrics.at(key).get<double>(); };
  const bool is_fid = metrics.value("is_inception_fid", false);
  std::vector<Card> cards = {{is_fid ? "FID" : "Fréchet distance", fmt::format("{:.2f}", number("fid")),
                              is_fid ? "mode " + metrics.value("mode", std::string())
                                     : "over " + metrics.value("extractor", std::string("unknown")) +
                                           " features: not the FID of the literature"}};
  if (has(metrics, "kid")) {
    cards.push_back({"Kernel distance x 1000", fmt::format("{:.2f}", 1000 * number("kid")),
                     fmt::format("± {:.2f}", 1000 * number("kid_std"))});
  }
  if (has(metrics, "real_floor")) {
    const Json& floor = metrics.at("real_floor");
    cards.push_back(
        {"Real against real", fmt::format("{:.2f}", floor.at("distance").get<double>()),
         fmt::format("the floor at {} images on each side, where generated ones have {:.2f}",
                     floor.at("n").get<std::int64_t>(), floor.at("generated_distance").get<double>())});
  }
  return cards;
}

void add_distance_charts(Page& page, const Json& metrics) {
  if (has(metrics, "fd_infinity")) {
    const Json& infinite = metrics.at("fd_infinity");
    Curve curve{.name = "distance", .points = {}};
    for (std::size_t i = 0; i < infinite.at("sizes").size(); ++i) {
      curve.points.emplace_back(infinite.at("sizes")[i].get<double>(),
                                infinite.at("distances")[i].get<double>());
    }
    std::sort(curve.points.begin(), curve.points.end());
    page.add_charts({{.heading = fmt::format("Fréchet distance by number of images; extrapolated to "
                                             "infinitely many: {:.2f}",
                                             infinite.at("distance").get<double>()),
                      .label = "Fréchet distance",
                      .curves = {curve},
                      .x_label = "generated images"}});
  }
  if (has(metrics, "precision")) {
    BarChart chart{.heading = "Precision, recall, density and coverage",
                   .label = "",
                   .groups = {"precision", "recall", "density", "coverage"},
                   .bars = {{.name = "generated", .values = {}}}};
    for (const std::string& key : chart.groups) {
      chart.bars[0].values.push_back(metrics.at(key).get<double>());
    }
    chart.most = std::max(1.0, highest(chart));
    page.add_chart(chart);
  }
}

}  // namespace

std::vector<std::vector<std::string>> distance_rows(const Json& metrics) {
  const auto number = [&](const Json& map, const char* key) { return map.at(key).get<double>(); };
  const auto has = [&](const char* key) { return metrics.contains(key) && !metrics.at(key).is_null(); };
  const auto images = [&](const char* key) { return has(key) ? metrics.at(key).dump() : std::string("?"); };
  const std::string sides = fmt::format("{} real, {} generated", images("n_real"), images("n_generated"));
  std::vector<std::vector<std::string>> rows = {
      {"Frechet distance, real against generated", fmt::format("{:.2f}", number(metrics, "fid")), sides}};
  if (has("kid")) {  // not of files of statistics
    rows.push_back(
        {"Kernel distance x 1000, real against generated",
         fmt::format("{:.2f} ± {:.2f}", 1000 * number(metrics, "kid"), 1000 * number(metrics, "kid_std")),
         fmt::format("{} subsets of {}", metrics.at("kid_subsets").get<std::int64_t>(),
                     metrics.at("kid_subset_size").get<std::int64_t>())});
  }
  if (has("precision")) {
    rows.push_back({"Precision, recall",
                    fmt::format("{:.2f}, {:.2f}", number(metrics, "precision"), number(metrics, "recall")),
                    sides});
    rows.push_back({"Density, coverage",
                    fmt::format("{:.2f}, {:.2f}", number(metrics, "density"), number(metrics, "coverage")),
                    sides});
  }
  const Json& floor = metrics.at("real_floor");
  if (floor.is_object()) {
    const std::string over = fmt::format("{} on each side", floor.at("n").get<std::int64_t>());
    rows.push_back({"At equal N: Frechet distance, real against generated",
                    fmt::format("{:.2f}", number(floor, "generated_distance")), over});
    rows.push_back({"At equal N: Frechet distance, real against real (the floor)",
                    fmt::format("{:.2f}", number(floor, "distance")), over});
    rows.push_back({"At equal N: kernel distance x 1000, real against real (the floor)",
                    fmt::format("{:.2f}", 1000 * number(floor, "kid")), over});
  }
  return rows;
}

std::string fid_page(const Json& metrics) {
  Page page("Real and generated images, by their features",
            fmt::format("{} features, mode {}, resize {}", metrics.value("extractor", std::string("unknown")),
                        metrics.value("mode", std::string("unknown")),
                        metrics.value("resize", std::string("unknown"))));
  page.add_cards(distance_cards(metrics));
  page.open_section("Distances");
  page.add_text(
      "A Fréchet distance grows as the number of images shrinks: compare it with distances of the same "
      "extractor, resize and number of images alone, or with that between two halves of the real images.");
  add_distance_charts(page, metrics);
  page.add_html(html_table({"score", "value", "over"}, distance_rows(metrics)));
  return page.html();
}

std::string msssim_page(const Json& metrics, const std::vector<MsSsimSide>& sides) {
  Page page("How alike the images of a set are",
            fmt::format("MS-SSIM of random pairs, {} scales; {}", metrics.at("scales").get<std::int64_t>(),
                        metrics.at("definition").get<std::string>()));
  std::vector<Card> cards;
  add_similarity_cards(cards, sides.size() > 1 ? "generated" : "images", metrics);
  if (has(metrics, "real")) {
    add_similarity_cards(cards, "real", metrics.at("real"));
  }
  page.add_cards(cards);
  page.open_section("Scores");
  page.add_text(
      "1 for two equal pictures. The lower, the more the images of a set differ from each other; as diverse "
      "as the real ones is what to aim at.");
  BarChart chart{.heading = "Share of pairs by their score", .label = "%"};
  for (std::size_t bin = 0; bin < kBins; ++bin) {
    chart.groups.push_back(fmt::format("{:.2f}", static_cast<double>(bin) / kBins));
  }
  for (const MsSsimSide& side : sides) {
    const std::string name = side.name == "real" ? "real" : sides.size() > 1 ? "generated" : "images";
    chart.bars.push_back(histogram(name, side.scores));
    if (!side.within.empty()) {
      chart.bars.push_back(histogram(name + " of one prompt", side.within));
    }
  }
  chart.most = std::ceil(highest(chart));
  page.add_chart(chart);
  return page.html();
}

}  // namespace medisyn
