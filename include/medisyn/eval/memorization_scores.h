// The paper's table 2 out of distances: how many images lie at or below each threshold of their nearest
// training image, and whether the distances lie above it (section 4.4).
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "medisyn/data/manifest.h"
#include "medisyn/eval/memorization.h"

namespace medisyn {

inline constexpr std::array<double, 5> kDistanceThresholds = {0.05, 0.10, 0.15, 0.20, 0.25};
inline constexpr std::size_t kFlaggedThreshold = 2;  ///< 0.15: at or below it a pair is taken for a copy

/// One image with the distance to the training image that counts.
struct ScoredImage {
  std::string specialty;
  std::string source;  ///< which original: the training image's group of near-duplicates, or itself
  double distance = 0;
};

enum class DistanceKind {
  kPaper,     ///< NearestPair::distance
  kExtended,  ///< NearestPair::least
};
double distance_of(const NearestPair& pair, DistanceKind kind);

/// Each image with the closest in pixels of its pairs: one pair where it has one neighbour. `pairs` as
/// find_nearest() sorts them; `kinds` by image.
std::vector<ScoredImage> scored_images(const std::vector<NearestPair>& pairs,
                                       const std::vector<ImageKind>& kinds, const Manifest& training,
                                       DistanceKind kind);

struct ThresholdScore {
  double threshold = 0;
  std::int64_t images = 0;    ///< at or below it
  double share = 0;           ///< of all
  double upper_bound = 0;     ///< of the rate, at 95 % (Clopper-Pearson)
  std::int64_t sources = 0;   ///< different originals at or below it: the same one counts once
  double p = 1, log10_p = 0;  ///< one-sided Wilcoxon signed-rank test that the distances lie above it
  double p_bonferroni = 1, log10_p_bonferroni = 0;  ///< p times the factor, at most 1
};

struct SpecialtyScore {
  std::string specialty;
  std::int64_t images = 0;
  std::int64_t sources = 0;  ///< different originals among their nearest training images
  double least = 0, median = 0;
  std::vector<ThresholdScore> thresholds = {};
};

/// By specialty, in alphabetical order. p is corrected by the number of specialties times that of thresholds.
std::vector<SpecialtyScore> score_specialties(const std::vector<ScoredImage>& images);

/// The same of all images together, tested once for each threshold.
SpecialtyScore score_all(const std::vector<ScoredImage>& images);

/// The factor of score_specialties().
std::int64_t bonferroni_factor(const std::vector<SpecialtyScore>& scores);

}  // namespace medisyn
