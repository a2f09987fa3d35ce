#include "medisyn/stats/mann_whitney.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "midranks.h"

namespace medisyn {

RankTest mann_whitney(std::span<const double> values, std::span<const std::uint8_t> positives) {
  const std::vector<double> ranks = midranks(values);
  const auto n = static_cast<double>(values.size());
  double n1 = 0, rank_sum = 0;
  std::map<double, double> ties;
  for (std::size_t i = 0; i < values.size(); ++i) {
    ++ties[values[i]];
    if (positives[i] != 0) {
      ++n1;
      rank_sum += ranks[i];
    }
  }
  const double n2 = n - n1;
  if (n1 == 0 || n2 == 0) {
    return {};
  }
  const double u = rank_sum - n1 * (n1 + 1) / 2;
  double tie_sum = 0;
  for (const auto& [value, count] : ties) {
    tie_sum += count * count * count - count;
  }
  const double variance = n1 * n2 / 12 * (n + 1 - tie_sum / (n * (n - 1)));
  const double distance = std::abs(u - n1 * n2 / 2) - 0.5;
  RankTest test{.auroc = u / (n1 * n2)};
  if (variance > 0) {
    test.p = std::min(1.0, std::erfc(distance / std::sqrt(variance) / std::sqrt(2.0)));
  }
  return test;
}

}  // namespace medisyn
