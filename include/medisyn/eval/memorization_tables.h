// The scores as rows of text, for files, the terminal and the page.
#pragma once

#include <string>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/eval/memorization_scores.h"

namespace medisyn {

/// All that is scored with one kind of distance.
struct MemorizationTable {
  DistanceKind kind = DistanceKind::kPaper;
  std::vector<SpecialtyScore> generated = {};
  SpecialtyScore all = {};                    ///< of generated images
  std::vector<SpecialtyScore> held_out = {};  ///< the null: real images that were not trained on; empty
                                              ///< where there are none
};

struct TextTable {
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;
};

/// Table 2's layout: Specialty, Image Pairs, and "22 (1.1%)" for each threshold, "-" for none.
TextTable share_table(const std::vector<SpecialtyScore>& scores);

/// Bonferroni-corrected p, by specialty and threshold; "< 1e-300" below that.
TextTable p_table(const std::vector<SpecialtyScore>& scores);

/// The upper bounds of the rates at 95 %.
TextTable bound_table(const std::vector<SpecialtyScore>& scores);

/// The first two side by side, p columns named with the factor: "p x 30 at 0.15".
TextTable full_table(const std::vector<SpecialtyScore>& scores);

/// For the terminal: the shares, the null's, and the p values.
std::string text_of(const MemorizationTable& table);

/// `{"specialties": {NAME: {"pairs", "sources", "least", "median", "thresholds": [{"threshold", "pairs",
/// "share", "upper_bound_95", "sources", "p", "log10_p", "p_bonferroni", "log10_p_bonferroni"}]}},
/// "bonferroni_factor", "all": ..., "held_out": the same specialties, or null}`
Json to_json(const MemorizationTable& table);

}  // namespace medisyn
