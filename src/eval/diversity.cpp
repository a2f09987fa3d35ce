#include "medisyn/eval/diversity.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

namespace medisyn {

DiversityPairs draw_diversity_pairs(const std::vector<std::string>& texts, std::int64_t count,
                                    std::uint64_t seed) {
  std::map<std::string, std::vector<std::int64_t>> by_text;
  for (std::size_t i = 0; i < texts.size(); ++i) {
    if (!texts[i].empty()) {
      by_text[texts[i]].push_back(static_cast<std::int64_t>(i));
    }
  }
  std::vector<std::vector<std::int64_t>> groups;
  for (auto& [text, members] : by_text) {
    groups.push_back(std::move(members));
  }
  return {.all = random_pairs(static_cast<std::int64_t>(texts.size()), count, seed),
          .within = random_pairs_within(groups, count, seed)};
}

std::vector<double> scores_between(const std::vector<std::string>& texts, const std::vector<IndexPair>& pairs,
                                   std::span<const double> scores) {
  std::vector<double> between;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const std::string& a = texts.at(static_cast<std::size_t>(pairs[i].first));
    const std::string& b = texts.at(static_cast<std::size_t>(pairs[i].second));
    if (!a.empty() && !b.empty() && a != b) {
      between.push_back(scores[i]);
    }
  }
  return between;
}

ScoreSummary summarise(std::span<const double> scores) {
  TORCH_CHECK(!scores.empty(), "a summary of no scores");
  const auto count = static_cast<double>(scores.size());
  ScoreSummary summary{.mean = std::accumulate(scores.begin(), scores.end(), 0.0) / count,
                       .zeros = std::count(scores.begin(), scores.end(), 0.0),
                       .pairs = std::ssize(scores)};
  double squares = 0;
  for (const double score : scores) {
    squares += (score - summary.mean) * (score - summary.mean);
  }
  summary.std = scores.size() < 2 ? 0 : std::sqrt(squares / (count - 1));
  return summary;
}

}  // namespace medisyn
