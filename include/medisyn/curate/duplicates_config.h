// The part of curate's YAML that says what a near-duplicate is and what becomes of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "medisyn/core/config.h"

namespace medisyn {

/// What becomes of near-duplicates. They always stand on one side of the split.
struct NearDuplicatesConfig {
  std::string keep = "all";     ///< all of a cluster stay, or one: the first in order
  std::int64_t per_second = 0;  ///< so many of a video's frames in a cluster stay a second; 0: as `keep` says

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("keep", self.keep, one_of({"all", "one"}));
    visit("per_second", self.per_second, at_least(0));
  }
};

/// A second search, by the features of a network (features/extractor.h). It finds more of what is cropped
/// (table below). Pairs count only if their thumbnails have a correlation of 0.9, too: the network takes
/// different subjects of one kind for one another.
struct EmbeddingConfig {
  std::string extractor = "efficientnet_lite0";
  std::filesystem::path weights;
  double min_cosine = 0.98;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("extractor", self.extractor);
    visit("weights", self.weights, required());
    visit("min_cosine", self.min_cosine, in_range(0.5, 1));
  }
};

/// The thresholds come from one real picture of each of 220 subjects (199 skin lesions, CT, MRI, ultrasound,
/// X-ray, fundus, microscopy) with nine copies each (scripts/measure_duplicates.sh). Share of copies that are
/// found, by hash and by hash and embedding; precision was 1 (no wrong pair) in both:
///
///   byte copy 1.000 1.000      half size   0.977 0.982      brightness +10 %   0.986 0.986
///   JPEG 75   1.000 1.000      double size 1.000 1.000      brightness -10 %   1.000 1.000
///   JPEG 50   0.973 0.977      cropped 5 % 0.386 0.532      cropped 5 % a side 0.282 0.377
///
/// Most are 32 x 32 pixels and pale, where JPEG and halving do most harm. Pictures of different subjects, all
/// copies included, differ in 10 bits or more; by the bits alone a few of them would be taken for one.
/// Among the quickstart's 4,538 images no cluster joins two patients.
struct DuplicatesConfig {
  bool find_near = true;  ///< false: equal pictures alone count as duplicates
  NearDuplicatesConfig near = {};
  std::int64_t max_distance = 14;  ///< bits of 64
  double min_correlation = 0.995;  ///< of the thumbnails; perceptual_hash.h says where noise excuses less
  std::optional<EmbeddingConfig> embedding = {};

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("find_near", self.find_near);
    visit("near", self.near);
    visit("max_distance", self.max_distance, in_range(0, 15));
    visit("min_correlation", self.min_correlation, in_range(0, 1));
    visit("embedding", self.embedding);
  }
};

}  // namespace medisyn
