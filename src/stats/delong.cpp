#include "medisyn/stats/delong.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/stats/wilson.h"
#include "midranks.h"

namespace medisyn {
namespace {

/// Structural components: for each positive the share of negatives that it scores above (V10), for each
/// negative the share of positives that score above it (V01). Sun & Xu, equations 5 to 8, over midranks.
struct Components {
  double auroc = 0;
  std::vector<double> of_positives;
  std::vector<double> of_negatives;
};

std::vector<double> scores_of(std::span<const double> scores, std::span<const std::uint8_t> positives,
                              bool is_positive) {
  std::vector<double> chosen;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if ((positives[i] != 0) == is_positive) {
      chosen.push_back(scores[i]);
    }
  }
  return chosen;
}

Components components(std::span<const double> scores, std::span<const std::uint8_t> positives) {
  if (scores.size() != positives.size()) {
    fail("DeLong: expected a label for each of {} scores, found {}", scores.size(), positives.size());
  }
  if (!std::all_of(scores.begin(), scores.end(), [](double score) { return std::isfinite(score); })) {
    fail("DeLong: a score is not finite: the classifier that gave it is broken");
  }
  const std::vector<double> all = midranks(scores);
  const std::vector<double> among_positives = midranks(scores_of(scores, positives, true));
  const std::vector<double> among_negatives = midranks(scores_of(scores, positives, false));
  const auto m = static_cast<double>(among_positives.size());
  const auto n = static_cast<double>(among_negatives.size());
  Components found;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    if (positives[i] != 0) {
      found.of_positives.push_back((all[i] - among_positives[found.of_positives.size()]) / n);
      found.auroc += found.of_positives.back() / m;
    } else {
      found.of_negatives.push_back(1 - (all[i] - among_negatives[found.of_negatives.size()]) / m);
    }
  }
  return found;
}

/// Of the components about the AUROCs, which are their means, divided by the count.
double covariance_of_mean(const std::vector<double>& a, double mean_a, const std::vector<double>& b,
                          double mean_b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    sum += (a[i] - mean_a) * (b[i] - mean_b);
  }
  const auto count = static_cast<double>(a.size());
  return sum / (count - 1) / count;
}

double covariance(const Components& a, const Components& b) {
  return covariance_of_mean(a.of_positives, a.auroc, b.of_positives, b.auroc) +
         covariance_of_mean(a.of_negatives, a.auroc, b.of_negatives, b.auroc);
}

bool has_variance(const Components& found) {
  return found.of_positives.size() >= 2 && found.of_negatives.size() >= 2;
}

}  // namespace

std::optional<AurocInterval> delong_interval(std::span<const double> scores,
                                             std::span<const std::uint8_t> positives, double level) {
  const Components found = components(scores, positives);
  if (!has_variance(found)) {
    return std::nullopt;
  }
  const double variance = covariance(found, found);
  const double reach = normal_quantile_two_sided(level) * std::sqrt(variance);
  return AurocInterval{.auroc = found.auroc,
                       .variance = variance,
                       .low = std::max(0.0, found.auroc - reach),
                       .high = std::min(1.0, found.auroc + reach)};
}

std::optional<AurocComparison> delong_test(std::span<const double> first, std::span<const double> second,
                                           std::span<const std::uint8_t> positives) {
  const Components a = components(first, positives);
  const Components b = components(second, positives);
  if (!has_variance(a)) {
    return std::nullopt;
  }
  constexpr double kRounding = 1e-15;  // of variances that cancel
  AurocComparison result{.first = a.auroc, .second = b.auroc};
  result.variance = covariance(a, a) + covariance(b, b) - 2 * covariance(a, b);
  if (result.variance <= kRounding && std::abs(b.auroc - a.auroc) <= kRounding) {
    result.variance = 0;
    return result;
  }
  result.variance = std::max(result.variance, 0.0);
  result.z = (b.auroc - a.auroc) / std::sqrt(result.variance);
  result.p = std::erfc(std::abs(result.z) / std::numbers::sqrt2);
  return result;
}

}  // namespace medisyn
