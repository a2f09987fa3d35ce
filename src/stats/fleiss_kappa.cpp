#include "medisyn/stats/fleiss_kappa.h"

#include <numeric>

#include "medisyn/core/error.h"

namespace medisyn {

std::optional<double> fleiss_kappa(const std::vector<std::vector<std::int64_t>>& counts) {
  if (counts.empty()) {
    return std::nullopt;
  }
  const auto raters_of = [](const std::vector<std::int64_t>& row) {
    return std::accumulate(row.begin(), row.end(), std::int64_t{0});
  };
  const std::int64_t raters = raters_of(counts.front());
  if (raters < 2) {
    return std::nullopt;
  }
  const auto n = static_cast<double>(raters), items = static_cast<double>(counts.size());
  std::vector<double> shares(counts.front().size(), 0);
  double agreement = 0;
  for (const std::vector<std::int64_t>& row : counts) {
    if (row.size() != shares.size() || raters_of(row) != raters) {
      fail("Fleiss' kappa: expected {} raters of {} categories for each item", raters, shares.size());
    }
    for (std::size_t j = 0; j < row.size(); ++j) {
      const auto count = static_cast<double>(row[j]);
      shares[j] += count / (items * n);
      agreement += count * (count - 1) / (n * (n - 1)) / items;
    }
  }
  double chance = 0;
  for (const double share : shares) {
    if (share > 1 - 1e-12) {
      return std::nullopt;
    }
    chance += share * share;
  }
  return (agreement - chance) / (1 - chance);
}

}  // namespace medisyn
