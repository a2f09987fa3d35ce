#include "memorization_results.h"

#include <fmt/format.h>

namespace medisyn {
namespace {

std::vector<std::vector<std::string>> rows_of(const std::vector<NearestPair>& pairs, const Side& side,
                                              const Manifest& training, bool extended) {
  std::vector<std::vector<std::string>> rows;
  for (const NearestPair& pair : pairs) {
    const auto image = static_cast<std::size_t>(pair.image);
    const Record& original = training.records[static_cast<std::size_t>(pair.training)];
    rows.push_back({side.images.records[image].file_name, original.file_name,
                    fmt::format("{:.6f}", pair.cosine), fmt::format("{:.6f}", pair.distance),
                    fmt::format("{}", pair.rank), side.kinds[image].specialty, side.kinds[image].image_type,
                    original.group_id});
    if (extended) {
      const Placement& placement = pair.least.placement;
      rows.back().insert(
          rows.back().end(),
          {fmt::format("{:.6f}", pair.least.distance),
           fmt::format("{}{}", placement.flip_horizontal ? "h" : "", placement.flip_vertical ? "v" : ""),
           fmt::format("{}", placement.down), fmt::format("{}", placement.right)});
    }
  }
  return rows;
}

std::vector<std::string> pair_header(const char* first, bool extended) {
  std::vector<std::string> header = {first,  "real",      "cosine",     "distance",
                                     "rank", "specialty", "image_type", "group_id"};
  if (extended) {
    header.insert(header.end(), {"extended_distance", "flip", "down", "right"});
  }
  return header;
}

}  // namespace

void write_memorization(const EvalOutput& output, const MemorizationSides& sides,
                        const MeasuredPairs& measured, const std::vector<MemorizationTable>& tables) {
  const bool extended = tables.back().kind == DistanceKind::kExtended;
  const bool has_held_out = !measured.held_out.empty();
  const Manifest& training = sides.training.images;
  output.write_table("pairs.csv", pair_header("generated", extended),
                     rows_of(measured.generated, sides.generated, training, extended));
  if (has_held_out) {
    output.write_table("held_out_pairs.csv", pair_header("held_out", extended),
                       rows_of(measured.held_out, sides.held_out, training, extended));
  }
  for (const MemorizationTable& table : tables) {
    const std::string name = table.kind == DistanceKind::kExtended ? "table_extended.csv" : "table.csv";
    const TextTable generated = full_table(table.generated);
    output.write_table(name, generated.header, generated.rows);
    if (has_held_out) {
      const TextTable held_out = full_table(table.held_out);
      output.write_table("held_out_" + name, held_out.header, held_out.rows);
    }
  }
}

std::string memorization_summary(const std::string& method, const std::vector<MemorizationTable>& tables) {
  std::string text = method + "\n\n";
  for (const MemorizationTable& table : tables) {
    text += text_of(table) + "\n";
  }
  for (const MemorizationTable& table : tables) {
    const ThresholdScore& flagged = table.all.thresholds[kFlaggedThreshold];
    text += fmt::format(
        "At or below {:.2f}{}: {} of {} images, near {} different originals; a rate of at most "
        "{:.3g} % at 95 % confidence\n",
        flagged.threshold, table.kind == DistanceKind::kExtended ? " over flips and shifts" : "",
        flagged.images, table.all.images, flagged.sources, 100 * flagged.upper_bound);
  }
  return text;
}

}  // namespace medisyn
