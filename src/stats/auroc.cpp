#include "medisyn/stats/auroc.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// What positives and negatives weigh.
struct Weight {
  double positive = 0;
  double negative = 0;
};

void check(std::span<const double> scores, std::span<const std::uint8_t> positives,
           std::span<const double> weights) {
  if (positives.size() != scores.size() || (!weights.empty() && weights.size() != scores.size())) {
    fail("AUROC: expected a label and a weight for each of {} scores, found {} and {}", scores.size(),
         positives.size(), weights.size());
  }
  const auto not_finite = [](double value) { return !std::isfinite(value); };
  if (std::any_of(scores.begin(), scores.end(), not_finite)) {
    fail("AUROC: a score is not finite: the classifier that gave it is broken");
  }
  if (std::any_of(weights.begin(), weights.end(), [](double weight) { return !(weight >= 0); })) {
    fail("AUROC: expected weights of 0 or more");
  }
}

}  // namespace

std::optional<double> auroc(std::span<const double> scores, std::span<const std::uint8_t> positives,
                            std::span<const double> weights) {
  check(scores, positives, weights);
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) { return scores[a] < scores[b]; });
  Weight below;     // of all lower scores
  double wins = 0;  // sum over positives of what the negatives below weigh, and half of those beside
  for (std::size_t first = 0; first < order.size();) {
    Weight tied;
    const double score = scores[order[first]];
    for (; first < order.size() && scores[order[first]] == score; ++first) {
      const double weight = weights.empty() ? 1 : weights[order[first]];
      (positives[order[first]] != 0 ? tied.positive : tied.negative) += weight;
    }
    wins += tied.positive * (below.negative + tied.negative / 2);
    below.positive += tied.positive;
    below.negative += tied.negative;
  }
  if (below.positive <= 0 || below.negative <= 0) {
    return std::nullopt;
  }
  return wins / (below.positive * below.negative);
}

ClassColumn class_column(std::span<const double> scores, std::span<const float> targets, std::size_t classes,
                         std::size_t index) {
  ClassColumn column;
  for (std::size_t i = index; i < targets.size(); i += classes) {
    if (!std::isnan(targets[i])) {
      column.scores.push_back(scores[i]);
      column.positives.push_back(targets[i] > 0.5F ? 1 : 0);
    }
  }
  return column;
}

ClassAurocs class_aurocs(std::span<const double> scores, std::span<const float> targets,
                         std::size_t classes) {
  if (scores.size() != targets.size() || classes == 0 || scores.size() % classes != 0) {
    fail("AUROC: expected rows of {} scores and as many targets, found {} and {}", classes, scores.size(),
         targets.size());
  }
  ClassAurocs result;
  double sum = 0;
  int present = 0;
  for (std::size_t index = 0; index < classes; ++index) {
    const ClassColumn column = class_column(scores, targets, classes, index);
    result.classes.push_back(auroc(column.scores, column.positives));
    if (result.classes.back()) {
      sum += *result.classes.back();
      ++present;
    }
  }
  if (present > 0) {
    result.macro = sum / present;
  }
  return result;
}

}  // namespace medisyn
