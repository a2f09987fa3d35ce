// Mann and Whitney's test: do the values of one sample lie higher than those of another?
#pragma once

#include <cstdint>
#include <span>

namespace medisyn {

struct RankTest {
  double auroc = 0.5;  ///< how often a positive lies above a negative, a tie counted as half
  double p = 1;        ///< two-sided
};

/// By the normal approximation with the variance corrected for ties and a continuity correction, as
/// scipy.stats.mannwhitneyu(method="asymptotic"); p is 1 where all values are equal or one sample is empty.
RankTest mann_whitney(std::span<const double> values, std::span<const std::uint8_t> positives);

}  // namespace medisyn
