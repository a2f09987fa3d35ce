// Wilcoxon's signed-rank test of one sample, one-sided.
//
// The test that is made is scipy.stats.wilcoxon's (1.17; zero_method "wilcox", method "auto", correction
// False): zeros are left out; of more than 50 values, or of more than 13 with ties or zeros, the statistic
// is taken for normal, with its variance corrected for ties; of fewer its distribution over all signs is
// computed, which is exact with ties as well.
#pragma once

#include <cstdint>
#include <span>

namespace medisyn {

enum class Alternative {
  kGreater,  ///< the values lie above 0
  kLess,     ///< the values lie below 0
};

struct SignedRankTest {
  double statistic = 0;  ///< the sum of the ranks of the values above 0
  double p = 1;          ///< 0 where a double holds no less: from some 2,000 values on, all above 0
  double log10_p = 0;    ///< right also there
};

/// Tests the differences, of which there must be one at least, all finite. Where each of them is 0 the data
/// say nothing, and p is 1 (scipy: NaN from 14 values on).
SignedRankTest wilcoxon_signed_rank(std::span<const double> differences, Alternative alternative);

}  // namespace medisyn
