// Intervals and paired tests of areas under the curve, without assumptions about the scores' distribution.
//
// Source: DeLong, DeLong & Clarke-Pearson, Biometrics 44 (1988) 837; in O(n log n) over midranks: Sun & Xu,
// IEEE Signal Processing Letters 21 (2014) 1389.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

namespace medisyn {

struct AurocInterval {
  double auroc = 0;
  double variance = 0;
  double low = 0;  ///< auroc -+ z sqrt(variance), cut at 0 and 1
  double high = 0;
};

/// `level`: of confidence, 0.95. None with fewer than two positives or two negatives: there is no variance.
std::optional<AurocInterval> delong_interval(std::span<const double> scores,
                                             std::span<const std::uint8_t> positives, double level = 0.95);

struct AurocComparison {
  double first = 0;  ///< AUROC
  double second = 0;
  double variance = 0;  ///< of second - first
  double z = 0;         ///< (second - first) / sqrt(variance)
  double p = 1;         ///< two-sided; 1 where both scores rank the images alike
};

/// Two scores of the same images: "is the second better?" None as above.
std::optional<AurocComparison> delong_test(std::span<const double> first, std::span<const double> second,
                                           std::span<const std::uint8_t> positives);

}  // namespace medisyn
