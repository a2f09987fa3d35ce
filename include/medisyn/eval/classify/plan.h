// The runs of a grid: sources x fractions x seeds, with the images of each.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "medisyn/eval/classify/leaks.h"
#include "medisyn/eval/classify/synthetic.h"

namespace medisyn {

/// A part of the training set, with the generated images that match it.
struct GridPart {
  double fraction = 100;  ///< per cent
  std::int64_t seed = 0;  ///< of the runs that use it, where each seed has parts of its own
  std::vector<std::size_t> real = {};
  std::size_t pool = 0;                     ///< of GridData::pools
  std::vector<std::size_t> synthetic = {};  ///< of that pool
};

/// Where a pool's images come from.
struct PoolSource {
  std::vector<std::filesystem::path> images = {};
  std::filesystem::path model = {};
  std::vector<std::size_t> parts = {};  ///< those that it serves
};

struct GridData {
  Cohorts cohorts;
  std::vector<LabelledImage> train = {}, validation = {}, test = {};  ///< of the cohorts
  std::vector<GridPart> parts = {};
  std::vector<PoolSource> sources = {};
  PromptTargets prompts = {};
  std::vector<SyntheticPool> pools = {};  ///< beside the sources, once they are open
  std::vector<LeakCheck> leaks = {};
};

/// One classifier.
struct GridRun {
  std::string name;    ///< "real+synthetic-2.5-seed0"; of matched steps "...-steps-seed0"
  std::string source;  ///< "real", "synthetic", "real+synthetic"
  std::string match;   ///< "epochs" or "steps"
  double fraction = 100;
  std::int64_t seed = 0;
  std::size_t part = 0;
  std::int64_t images = 0;      ///< of the training
  std::int64_t steps = 0;       ///< at most: a patience may end it before
  ClassifierConfig classifier;  ///< with the run's seed and steps
};

/// "real+synthetic (matched steps)"
std::string variant_of(const std::string& source, const std::string& match);

/// Real images and parts. Error as check_config(), open_cohorts() and draw_subsets() give it.
GridData open_grid(const ClassifyConfig& config);

/// Fills data.leaks: classifiers' sides and each generator's training set against each other. Error as
/// require_no_peek() gives it, where the config says no_peek.
void check_generators(GridData& data, const ClassifyConfig& config);

/// Finds the pools' images. `drawn`: beside the sources, a further run of generate; "" or empty: none.
void open_pools(GridData& data, const ClassifyConfig& config,
                const std::vector<std::filesystem::path>& drawn = {});

/// What a pool lacks for its parts.
std::vector<MissingImage> missing_images(const GridData& data, const ClassifyConfig& config,
                                         std::size_t pool);

/// Gives each part its generated images. Error where a pool has too few.
void match_parts(GridData& data, const ClassifyConfig& config);

/// The runs in the order in which they are made: the largest parts last.
std::vector<GridRun> plan_runs(const GridData& data, const ClassifyConfig& config);

std::vector<LabelledImage> training_images(const GridData& data, const GridRun& run);

/// Error of check_classifier_data() for the first part whose real images do not do: a class without an image
/// at 1 %, say. Generated images have the same classes, so they do where the real ones do.
void check_parts(const GridData& data, const ClassifyConfig& config);

/// A hash of what a run's result depends on.
class RunKeys {
 public:
  explicit RunKeys(const GridData& data);
  std::string key_of(const GridRun& run) const;

 private:
  const GridData& data_;
  std::string scored_;  ///< hash of the validation and test images
};

/// The records of a part, as a manifest.
Manifest part_manifest(const GridData& data, const GridPart& part);

}  // namespace medisyn
