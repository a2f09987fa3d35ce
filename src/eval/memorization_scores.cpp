#include "medisyn/eval/memorization_scores.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include "medisyn/stats/clopper_pearson.h"
#include "medisyn/stats/wilcoxon.h"

namespace medisyn {
namespace {

using Images = std::vector<const ScoredImage*>;

ThresholdScore score_threshold(const Images& images, double threshold, std::int64_t factor) {
  ThresholdScore score{.threshold = threshold};
  std::vector<double> differences;
  std::set<std::string> sources;
  for (const ScoredImage* image : images) {
    differences.push_back(image->distance - threshold);
    if (image->distance <= threshold) {
      ++score.images;
      sources.insert(image->source);
    }
  }
  const auto count = static_cast<std::int64_t>(images.size());
  const SignedRankTest test = wilcoxon_signed_rank(differences, Alternative::kGreater);
  score.share = static_cast<double>(score.images) / static_cast<double>(count);
  score.upper_bound = clopper_pearson_upper(score.images, count);
  score.sources = std::ssize(sources);
  score.p = test.p;
  score.log10_p = test.log10_p;
  score.p_bonferroni = std::min(test.p * static_cast<double>(factor), 1.0);
  score.log10_p_bonferroni = std::min(test.log10_p + std::log10(static_cast<double>(factor)), 0.0);
  return score;
}

double median_of(std::vector<double> sorted) {
  const std::size_t half = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[half] : (sorted[half - 1] + sorted[half]) / 2;
}

SpecialtyScore score_images(const std::string& name, const Images& images, std::int64_t factor) {
  SpecialtyScore score{.specialty = name, .images = std::ssize(images)};
  std::set<std::string> sources;
  std::vector<double> distances;
  for (const ScoredImage* image : images) {
    sources.insert(image->source);
    distances.push_back(image->distance);
  }
  std::sort(distances.begin(), distances.end());
  score.sources = std::ssize(sources);
  score.least = distances.front();
  score.median = median_of(distances);
  for (const double threshold : kDistanceThresholds) {
    score.thresholds.push_back(score_threshold(images, threshold, factor));
  }
  return score;
}

std::int64_t factor_for(std::size_t specialties) {
  return static_cast<std::int64_t>(specialties * kDistanceThresholds.size());
}

}  // namespace

double distance_of(const NearestPair& pair, DistanceKind kind) {
  return kind == DistanceKind::kExtended ? pair.least.distance : pair.distance;
}

std::vector<ScoredImage> scored_images(const std::vector<NearestPair>& pairs,
                                       const std::vector<ImageKind>& kinds, const Manifest& training,
                                       DistanceKind kind) {
  std::vector<ScoredImage> images;
  std::int64_t last = -1;
  for (const NearestPair& pair : pairs) {
    const Record& record = training.records[static_cast<std::size_t>(pair.training)];
    ScoredImage image{specialty_of(kinds[static_cast<std::size_t>(pair.image)]),
                      record.group_id.empty() ? record.id : record.group_id, distance_of(pair, kind)};
    if (pair.image != last) {
      images.push_back(std::move(image));
    } else if (image.distance < images.back().distance) {
      images.back() = std::move(image);
    }
    last = pair.image;
  }
  return images;
}

std::vector<SpecialtyScore> score_specialties(const std::vector<ScoredImage>& images) {
  std::map<std::string, Images> by_specialty;
  for (const ScoredImage& image : images) {
    by_specialty[image.specialty].push_back(&image);
  }
  std::vector<SpecialtyScore> scores;
  for (const auto& [specialty, members] : by_specialty) {
    scores.push_back(score_images(specialty, members, factor_for(by_specialty.size())));
  }
  return scores;
}

SpecialtyScore score_all(const std::vector<ScoredImage>& images) {
  TORCH_CHECK(!images.empty(), "no image to score");
  Images all;
  for (const ScoredImage& image : images) {
    all.push_back(&image);
  }
  return score_images("all images", all, factor_for(1));
}

std::int64_t bonferroni_factor(const std::vector<SpecialtyScore>& scores) {
  return factor_for(scores.size());
}

}  // namespace medisyn
