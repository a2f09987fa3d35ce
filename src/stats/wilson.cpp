#include "medisyn/stats/wilson.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace medisyn {

double normal_quantile_two_sided(double level) {
  double low = 0, high = 40;
  for (int step = 0; step < 200; ++step) {
    const double middle = (low + high) / 2;
    (std::erfc(middle / std::numbers::sqrt2) > 1 - level ? low : high) = middle;
  }
  return high;
}

RateInterval wilson_interval(std::int64_t hits, std::int64_t trials, double level) {
  if (trials == 0) {
    return {};
  }
  const auto n = static_cast<double>(trials);
  const double rate = static_cast<double>(hits) / n;
  const double z = normal_quantile_two_sided(level);
  const double centre = (rate + z * z / (2 * n)) / (1 + z * z / n);
  const double reach = z / (1 + z * z / n) * std::sqrt(rate * (1 - rate) / n + z * z / (4 * n * n));
  return {std::max(0.0, centre - reach), std::min(1.0, centre + reach)};
}

}  // namespace medisyn
