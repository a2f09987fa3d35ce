#include "medisyn/stats/clopper_pearson.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace medisyn {
namespace {

/// The logarithm of the probability of `hits` or fewer of `trials` at a rate, 0 < rate < 1.
double log_binomial_cdf(std::int64_t hits, std::int64_t trials, double rate) {
  const auto n = static_cast<double>(trials);
  const double log_odds = std::log(rate) - std::log1p(-rate);
  double log_term = n * std::log1p(-rate);  // of no hit
  double log_sum = log_term;
  for (std::int64_t i = 1; i <= hits; ++i) {
    const auto k = static_cast<double>(i);
    log_term += std::log((n - k + 1) / k) + log_odds;
    const double larger = std::max(log_sum, log_term);
    log_sum = larger + std::log1p(std::exp(std::min(log_sum, log_term) - larger));
  }
  return log_sum;
}

}  // namespace

double clopper_pearson_upper(std::int64_t hits, std::int64_t trials, double confidence) {
  if (trials < 1 || hits < 0 || hits > trials || !(confidence > 0 && confidence < 1)) {
    throw std::invalid_argument(fmt::format("{} of {} at a confidence of {}", hits, trials, confidence));
  }
  if (hits == trials) {
    return 1;
  }
  const double wanted = std::log1p(-confidence);
  double low = static_cast<double>(hits) / static_cast<double>(trials);
  double high = 1;
  for (double middle = (low + high) / 2; middle > low && middle < high; middle = (low + high) / 2) {
    (log_binomial_cdf(hits, trials, middle) > wanted ? low : high) = middle;
  }
  return high;
}

}  // namespace medisyn
