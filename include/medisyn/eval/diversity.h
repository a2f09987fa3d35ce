// How alike the images of a set are: all of them, those of one prompt, and those of different prompts.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "medisyn/eval/random_pairs.h"

namespace medisyn {

/// The pairs of a set that are scored.
struct DiversityPairs {
  std::vector<IndexPair> all;     ///< random pairs, each image in at least one
  std::vector<IndexPair> within;  ///< random pairs of two images with one text; empty where there are none
};

/// `count` pairs of each kind at most. A text of "" is none. At least two images, and count at least half of
/// their number, rounded up.
DiversityPairs draw_diversity_pairs(const std::vector<std::string>& texts, std::int64_t count,
                                    std::uint64_t seed);

/// The scores of those of the pairs whose images have different texts; the others, or one without a text, are
/// left out.
std::vector<double> scores_between(const std::vector<std::string>& texts, const std::vector<IndexPair>& pairs,
                                   std::span<const double> scores);

struct ScoreSummary {
  double mean = 0;
  double std = 0;  ///< with n - 1 below; 0 of a single score
  std::int64_t zeros = 0;
  std::int64_t pairs = 0;
};

/// Of one score at least.
ScoreSummary summarise(std::span<const double> scores);

}  // namespace medisyn
