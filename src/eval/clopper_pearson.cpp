#include "medisyn/eval/clopper_pearson.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>

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
  TORCH_CHECK(trials >= 1 && hits >= 0 && hits <= trials && confidence > 0 && confidence < 1, hits, " of ",
              trials, " at a confidence of ", confidence);
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
