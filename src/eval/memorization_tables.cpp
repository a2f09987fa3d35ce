#include "medisyn/eval/memorization_tables.h"

#include <fmt/format.h>

#include <functional>

#include "medisyn/report/table.h"

namespace medisyn {
namespace {

std::string share_text(const ThresholdScore& score) {
  return score.images == 0 ? "-" : fmt::format("{} ({:.1f}%)", score.images, 100 * score.share);
}

std::string p_text(const ThresholdScore& score) {
  constexpr double kLeastPrinted = -300;
  const double p = score.p_bonferroni;
  return score.log10_p_bonferroni < kLeastPrinted ? "< 1e-300"
         : p >= 0.001                             ? fmt::format("{:.3f}", p)
                                                  : fmt::format("{:.1e}", p);
}

TextTable threshold_table(const std::vector<SpecialtyScore>& scores,
                          const std::function<std::string(const ThresholdScore&)>& cell) {
  TextTable table{{"Specialty", "Image Pairs"}, {}};
  for (const double threshold : kDistanceThresholds) {
    table.header.push_back(fmt::format("{:.2f}", threshold));
  }
  for (const SpecialtyScore& score : scores) {
    table.rows.push_back({score.specialty, fmt::format("{}", score.images)});
    for (const ThresholdScore& threshold : score.thresholds) {
      table.rows.back().push_back(cell(threshold));
    }
  }
  return table;
}

std::string print(const TextTable& table) { return text_table(table.header, table.rows); }

Json to_json(const ThresholdScore& score) {
  return {{"threshold", score.threshold},
          {"pairs", score.images},
          {"share", score.share},
          {"upper_bound_95", score.upper_bound},
          {"sources", score.sources},
          {"p", score.p},
          {"log10_p", score.log10_p},
          {"p_bonferroni", score.p_bonferroni},
          {"log10_p_bonferroni", score.log10_p_bonferroni}};
}

Json to_json(const SpecialtyScore& score) {
  Json json = {{"pairs", score.images},
               {"sources", score.sources},
               {"least", score.least},
               {"median", score.median},
               {"thresholds", Json::array()}};
  for (const ThresholdScore& threshold : score.thresholds) {
    json["thresholds"].push_back(to_json(threshold));
  }
  return json;
}

Json to_json(const std::vector<SpecialtyScore>& scores) {
  Json json = Json::object();
  for (const SpecialtyScore& score : scores) {
    json[score.specialty] = to_json(score);
  }
  return json;
}

}  // namespace

TextTable share_table(const std::vector<SpecialtyScore>& scores) {
  return threshold_table(scores, share_text);
}

TextTable p_table(const std::vector<SpecialtyScore>& scores) { return threshold_table(scores, p_text); }

TextTable bound_table(const std::vector<SpecialtyScore>& scores) {
  return threshold_table(
      scores, [](const ThresholdScore& score) { return fmt::format("{:.3g}%", 100 * score.upper_bound); });
}

TextTable full_table(const std::vector<SpecialtyScore>& scores) {
  TextTable table = share_table(scores);
  const TextTable p = p_table(scores);
  for (std::size_t column = 2; column < p.header.size(); ++column) {
    table.header.push_back(fmt::format("p x {} at {}", bonferroni_factor(scores), p.header[column]));
    for (std::size_t row = 0; row < p.rows.size(); ++row) {
      table.rows[row].push_back(p.rows[row][column]);
    }
  }
  return table;
}

std::string text_of(const MemorizationTable& table) {
  std::string text = fmt::format(
      "Generated images whose distance to their nearest training image is at or "
      "below{}\n\n{}\n",
      table.kind == DistanceKind::kExtended ? " (the least over flips and shifts of 4 pixels)" : "",
      print(share_table(table.generated)));
  if (!table.held_out.empty()) {
    text += fmt::format("The same of held-out real images\n\n{}\n", print(share_table(table.held_out)));
  }
  return text + fmt::format(
                    "p that generated distances are no higher (Wilcoxon's signed-rank test, "
                    "Bonferroni-corrected x {}: {} specialties x {} thresholds)\n\n{}",
                    bonferroni_factor(table.generated), table.generated.size(), kDistanceThresholds.size(),
                    print(p_table(table.generated)));
}

Json to_json(const MemorizationTable& table) {
  return {{"bonferroni_factor", bonferroni_factor(table.generated)},
          {"specialties", to_json(table.generated)},
          {"all", to_json(table.all)},
          {"held_out", table.held_out.empty() ? Json() : to_json(table.held_out)}};
}

}  // namespace medisyn
