// Wilson's interval of a rate. Source: Wilson, Journal of the American Statistical Association 22 (1927) 209.
#pragma once

#include <cstdint>

namespace medisyn {

struct RateInterval {
  double low = 0, high = 1;
};

/// Two-sided, without continuity correction, as statsmodels' proportion_confint(method="wilson"). 0 to 1
/// without a trial. 0 <= hits <= trials.
RateInterval wilson_interval(std::int64_t hits, std::int64_t trials, double level = 0.95);

/// z with a normal probability of (1 + level) / 2 below it: 1.959964 for 0.95. 0 < level < 1.
double normal_quantile_two_sided(double level);

}  // namespace medisyn
