// configs/classify/*.yaml: the grid of classifiers that `medisyn eval classify` trains.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "medisyn/core/config.h"
#include "medisyn/train/classifier_config.h"

namespace medisyn {

/// Which real images take part. All conditions must hold.
struct ClassifyCohortConfig {
  std::filesystem::path manifest;        ///< of medisyn curate
  std::string where;                     ///< filter (data/filter.h)
  std::string caption;                   ///< regular expression that the whole caption matches
  std::vector<std::string> only_labels;  ///< images with any other label are left out; empty: none is
  bool allow_none = false;               ///< of multi-label tasks: keep images of no class
  std::string train = "split=train";
  std::string validation = "split=validation";
  std::string test = "split=test";

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("manifest", self.manifest, required());
    visit("where", self.where);
    visit("caption", self.caption);
    visit("only_labels", self.only_labels);
    visit("allow_none", self.allow_none);
    visit("train", self.train);
    visit("validation", self.validation);
    visit("test", self.test);
  }
};

struct ClassifyClassConfig {
  std::string name;     ///< also what stands in prompts for {classes}
  std::string real;     ///< filter of the images that show it
  std::string unknown;  ///< filter of those that do not say, of multi-label tasks: no loss, no score

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("name", self.name, required());
    visit("real", self.real, required());
    visit("unknown", self.unknown);
  }
};

/// How parts of the training set are drawn.
struct ClassifySubsetsConfig {
  std::vector<double> fractions = {1, 2.5, 5, 7.5, 10, 25, 50, 100};  ///< per cent; the paper's
  std::vector<std::int64_t> sizes;  ///< images of each instead; of 100 % all are taken, whatever it says
  bool nested = true;               ///< each part holds the smaller ones
  bool stratified = true;           ///< by class, or by combination of classes
  bool by_patient = false;          ///< whole groups (patients, videos) instead of single images
  std::string rounding = "floor";   ///< of each stratum's share; "total": of the sum, by largest remainder
  std::int64_t seed = 0;
  bool per_seed = false;  ///< other images for each of the grid's seeds

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("fractions", self.fractions, in_range(0, 100));
    visit("sizes", self.sizes, at_least(1));
    visit("nested", self.nested);
    visit("stratified", self.stratified);
    visit("by_patient", self.by_patient);
    visit("rounding", self.rounding, one_of({"floor", "ceil", "nearest", "total"}));
    visit("seed", self.seed, at_least(0));
    visit("per_seed", self.per_seed);
  }
};

/// A generator's images, and the generator that draws those that are missing.
struct ClassifyPoolConfig {
  double fraction = 100;                      ///< under by_fraction: which part of the training set it saw
  std::vector<std::filesystem::path> images;  ///< runs of generate
  std::filesystem::path model;                ///< model folder or training run; "": nothing is drawn

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("fraction", self.fraction, Rule{.least = 0, .most = 100, .is_required = true});
    visit("images", self.images, scalar_or_list());
    visit("model", self.model);
  }
};

struct ClassifySyntheticConfig {
  std::vector<std::filesystem::path> images;
  std::filesystem::path model;
  /// Of an image that is drawn; {classes} are the names of a training image's classes, {text} its caption.
  std::string prompt = "{text}";
  std::vector<ClassifyPoolConfig> by_fraction;  ///< instead of images and model: a generator for each part
  std::int64_t steps = 50;
  double scale = 7.5;
  std::string sampler;  ///< "": the model's own
  std::string size;     ///< "": the model's own
  std::int64_t batch = 4;
  std::string dtype = "fp32";
  std::int64_t seed = 0;  ///< of the first image; the next ones count on

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("images", self.images, scalar_or_list());
    visit("model", self.model);
    visit("prompt", self.prompt);
    visit("by_fraction", self.by_fraction);
    visit("steps", self.steps, at_least(1));
    visit("scale", self.scale, in_range(0, 1000));
    visit("sampler", self.sampler);
    visit("size", self.size);
    visit("batch", self.batch, at_least(1));
    visit("dtype", self.dtype, one_of({"fp32", "bf16", "fp16"}));
    visit("seed", self.seed, in_range(0, 4294967295.0));
  }
};

struct ClassifyConfig {
  std::string title = "Classifiers trained on real and synthetic images";
  ClassifyCohortConfig real;
  std::vector<ClassifyClassConfig> classes;
  std::vector<std::string> sources = {"real", "synthetic", "real+synthetic"};
  /// real+synthetic doubles the images: "epochs" trains it twice the steps of real, "steps" as many.
  std::vector<std::string> match = {"epochs"};
  std::vector<std::int64_t> seeds = {0, 1, 2, 3, 4};
  ClassifySubsetsConfig subsets;
  ClassifySyntheticConfig synthetic;
  /// A generator must have seen no more real images than the classifier beside it.
  bool no_peek = false;
  ClassifierConfig classifier;  ///< its seed is the run's

  std::vector<std::string> class_names() const {
    std::vector<std::string> names;
    for (const ClassifyClassConfig& one : classes) {
      names.push_back(one.name);
    }
    return names;
  }

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("title", self.title);
    visit("real", self.real, required());
    visit("classes", self.classes, required());
    visit("sources", self.sources, one_of({"real", "synthetic", "real+synthetic"}));
    visit("match", self.match, Rule{.choices = {"epochs", "steps"}, .takes_scalar = true});
    visit("seeds", self.seeds, in_range(0, 4294967295.0));
    visit("subsets", self.subsets);
    visit("synthetic", self.synthetic);
    visit("no_peek", self.no_peek);
    visit("classifier", self.classifier);
  }
};

/// Error for keys that do not fit each other: sizes and fractions, sources without a generator, no_peek.
void check_config(const ClassifyConfig& config);

}  // namespace medisyn
