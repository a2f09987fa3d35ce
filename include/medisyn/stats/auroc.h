// The area under the receiver operating characteristic: how often a positive scores above a negative, a tie
// counted as half.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace medisyn {

/// Of one class, over midranks. `positives`: not 0 for a positive, one a score. `weights`: one a score, at
/// least 0; none: all 1. None when positives or negatives are absent or weigh nothing. Equal to
/// scikit-learn's roc_auc_score within 1e-12. Error when a score or a weight is not finite.
std::optional<double> auroc(std::span<const double> scores, std::span<const std::uint8_t> positives,
                            std::span<const double> weights = {});

struct ClassAurocs {
  std::vector<std::optional<double>> classes;  ///< none: absent, or on all images
  std::optional<double> macro;                 ///< mean of those that are there; none where none is
};

/// Of each class against the rest. `scores` [N, C] in rows. `targets` [N, C]: 1 where the class is present, 0
/// where not, NaN where that is not known: such an image counts for the other classes alone.
ClassAurocs class_aurocs(std::span<const double> scores, std::span<const float> targets, std::size_t classes);

/// One class out of rows [N, C], without the images whose target is NaN.
struct ClassColumn {
  std::vector<double> scores;
  std::vector<std::uint8_t> positives;
};
ClassColumn class_column(std::span<const double> scores, std::span<const float> targets, std::size_t classes,
                         std::size_t index);

}  // namespace medisyn
