#include "medisyn/stats/wilcoxon.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

namespace medisyn {
namespace {

constexpr std::size_t kMostForExact = 50;      // scipy: beyond, always the normal approximation
constexpr std::size_t kMostForExactTies = 13;  // scipy: 2^13 signs are less than its 9,999 resamples

/// The ranks of the values that are not 0, doubled, so that the mean rank of equal ones is whole.
struct SignedRanks {
  std::vector<std::int64_t> doubled = {};
  std::int64_t doubled_sum_above = 0;  ///< of values above 0
  double ties = 0;                     ///< the sum of t^3 - t over runs of t equal ones
};

SignedRanks rank(std::span<const double> differences) {
  std::vector<double> values;
  for (const double difference : differences) {
    if (!std::isfinite(difference)) {
      throw std::invalid_argument("a difference that is not finite has no rank");
    }
    if (difference != 0) {
      values.push_back(difference);
    }
  }
  std::sort(values.begin(), values.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  SignedRanks ranks;
  for (std::size_t first = 0; first < values.size();) {
    std::size_t end = first;
    while (end < values.size() && std::abs(values[end]) == std::abs(values[first])) {
      ++end;
    }
    const auto doubled = static_cast<std::int64_t>(first + 1 + end);
    const auto equal = static_cast<double>(end - first);
    ranks.ties += equal * equal * equal - equal;
    for (; first < end; ++first) {
      ranks.doubled.push_back(doubled);
      ranks.doubled_sum_above += values[first] > 0 ? doubled : 0;
    }
  }
  return ranks;
}

/// The share of all signs whose sum is at least (or at most) the one found. Shares are multiples of 2^-50
/// or of less, which a double sums without rounding.
double exact_p(const SignedRanks& ranks, Alternative alternative) {
  std::vector<double> share = {1};  // by doubled sum of the ranks above 0
  for (const std::int64_t rank : ranks.doubled) {
    std::vector<double> next(share.size() + static_cast<std::size_t>(rank));
    for (std::size_t sum = 0; sum < share.size(); ++sum) {
      next[sum] += share[sum] / 2;
      next[sum + static_cast<std::size_t>(rank)] += share[sum] / 2;
    }
    share = std::move(next);
  }
  const auto found = static_cast<std::size_t>(ranks.doubled_sum_above);
  double p = 0;
  for (std::size_t sum = 0; sum < share.size(); ++sum) {
    const bool counts = alternative == Alternative::kGreater ? sum >= found : sum <= found;
    p += counts ? share[sum] : 0;
  }
  return p;
}

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

/// By the asymptotic series where the value itself is near underflow (Abramowitz & Stegun, 26.2.12).
double log10_normal_cdf(double x) {
  constexpr double kSeriesBelow = -35;
  if (x > 0) {
    return std::log1p(-normal_cdf(-x)) / std::log(10.0);
  }
  if (x >= kSeriesBelow) {
    return std::log10(normal_cdf(x));
  }
  const double s = 1 / (x * x);
  const double series = s * (-1 + s * (3 + s * (-15 + s * 105)));
  const double log_density = -0.5 * x * x - 0.5 * std::log(2 * std::acos(-1.0));
  return (log_density - std::log(-x) + std::log1p(series)) / std::log(10.0);
}

/// The statistic's distance from its mean in standard deviations.
double z_of(const SignedRanks& ranks) {
  const auto n = static_cast<double>(ranks.doubled.size());
  const double mean = n * (n + 1) / 4;
  const double deviation = std::sqrt((n * (n + 1) * (2 * n + 1) - ranks.ties / 2) / 24);
  return (static_cast<double>(ranks.doubled_sum_above) / 2 - mean) / deviation;
}

}  // namespace

SignedRankTest wilcoxon_signed_rank(std::span<const double> differences, Alternative alternative) {
  if (differences.empty()) {
    throw std::invalid_argument("a test of no differences");
  }
  const SignedRanks ranks = rank(differences);
  SignedRankTest test{.statistic = static_cast<double>(ranks.doubled_sum_above) / 2};
  if (ranks.doubled.empty()) {
    return test;
  }
  const bool is_plain = ranks.ties == 0 && ranks.doubled.size() == differences.size();
  if (differences.size() <= (is_plain ? kMostForExact : kMostForExactTies)) {
    test.p = exact_p(ranks, alternative);
    test.log10_p = std::log10(test.p);
    return test;
  }
  const double x = alternative == Alternative::kGreater ? -z_of(ranks) : z_of(ranks);
  test.p = normal_cdf(x);
  test.log10_p = log10_normal_cdf(x);
  return test;
}

}  // namespace medisyn
