// configs/reader_study/*.yaml: what `medisyn eval reader-study export` draws from, and what readers are told.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "medisyn/core/config.h"
#include "medisyn/eval/reader_study/design.h"

namespace medisyn {

struct StudyImagesConfig {
  std::vector<std::filesystem::path> images;  ///< manifests, runs of generate, folders or tar shards
  std::string where = {};                     ///< filter (data/filter.h)

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("images", self.images, Rule{.is_required = true, .takes_scalar = true});
    visit("where", self.where);
  }
};

struct StudyClassConfig {
  std::string name;       ///< as readers see it
  std::string real;       ///< filter of its real images
  std::string synthetic;  ///< filter of its synthetic images

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, required());
    visit("real", self.real, required());
    visit("synthetic", self.synthetic, required());
  }
};

struct StudyFeaturesConfig {
  std::string extractor = "biomedclip";  ///< paper: the space in which neighbours are searched
  std::filesystem::path weights;         ///< as `medisyn eval memorization --weights`
  std::filesystem::path cache = {};      ///< features made before; "": none

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("extractor", self.extractor);
    visit("weights", self.weights, required());
    visit("cache", self.cache);
  }
};

/// The counts' defaults are the paper's, section 4.3.2.
struct StudyPairsConfig {
  std::int64_t real_real = 34, synthetic_synthetic = 34, mixed = 34, training = 3;
  std::string title = "Pairs of images";
  std::vector<std::string> instructions;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("real_real", self.real_real, in_range(0, 3000));
    visit("synthetic_synthetic", self.synthetic_synthetic, in_range(0, 3000));
    visit("mixed", self.mixed, in_range(0, 3000));
    visit("training", self.training, in_range(0, 100));
    visit("title", self.title);
    visit("instructions", self.instructions);
  }
};

struct StudySinglesConfig {
  std::int64_t real = 66, synthetic = 66, training = 2;
  std::string title = "Single images";
  std::vector<std::string> instructions;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("real", self.real, in_range(0, 3000));
    visit("synthetic", self.synthetic, in_range(0, 3000));
    visit("training", self.training, in_range(0, 100));
    visit("title", self.title);
    visit("instructions", self.instructions);
  }
};

struct ReaderStudyConfig {
  std::string title;
  std::vector<std::string> instructions, consent;
  bool allow_back = false;
  std::int64_t seed = 0;
  std::int64_t image_pixels = 512;
  std::string group = "patient_id";  ///< over which real images are spread; a record without it: group_id, id
  bool unique_groups = false;        ///< none of them twice
  StudyImagesConfig real, synthetic;
  std::vector<StudyClassConfig> classes;
  StudyFeaturesConfig features;
  StudyPairsConfig pairs;
  StudySinglesConfig singles;
  std::map<std::string, std::int64_t> readers;  ///< group -> number of readers: R01, R02, ...

  DesignCounts counts() const {
    return {.real_real = pairs.real_real,
            .synthetic_synthetic = pairs.synthetic_synthetic,
            .mixed = pairs.mixed,
            .real = singles.real,
            .synthetic = singles.synthetic,
            .training_pairs = pairs.training,
            .training_singles = singles.training,
            .unique_groups = unique_groups};
  }

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("title", self.title, required());
    visit("instructions", self.instructions);
    visit("consent", self.consent);
    visit("allow_back", self.allow_back);
    visit("seed", self.seed, at_least(0));
    visit("image_pixels", self.image_pixels, in_range(32, 4096));
    visit("group", self.group, one_of({"patient_id", "study_id", "video_id", "group_id"}));
    visit("unique_groups", self.unique_groups);
    visit("real", self.real, required());
    visit("synthetic", self.synthetic, required());
    visit("classes", self.classes, required());
    visit("features", self.features, required());
    visit("pairs", self.pairs);
    visit("singles", self.singles);
    visit("readers", self.readers, in_range(0, 500));
  }
};

}  // namespace medisyn
