// Generated images with the classes that they were asked for.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "medisyn/eval/classify/cohort.h"

namespace medisyn {

/// What a prompt asks for.
using PromptTargets = std::map<std::string, Targets>;

/// The prompt of a generated counterpart of a training image: synthetic.prompt with {text}, {classes}
/// ("a, b and c"), {labels}, {image_type}, {specialty} and {id} filled in.
std::string prompt_of(const Record& record, const Targets& targets, const ClassifyConfig& config);

/// The prompts and the captions of the training images. Captions that stand for several combinations of
/// classes are no help and left out. Error when a prompt is one.
PromptTargets prompt_targets(const Cohort& train, const ClassifyConfig& config);

/// The images of some runs of generate, by combination of classes, in the runs' order.
struct SyntheticPool {
  std::vector<LabelledImage> images = {};
  std::vector<std::string> names = {};  ///< of the images, for run keys
  std::map<std::string, std::vector<std::size_t>> by_combination = {};
  std::int64_t not_asked_for = 0;  ///< images whose prompt asks for none of the classes

  std::int64_t count(const std::string& combination) const;
};

/// Error when not one image is of use.
SyntheticPool open_pool(const std::vector<std::filesystem::path>& folders, const PromptTargets& prompts,
                        const std::vector<std::string>& classes);

/// One image that must be drawn.
struct MissingImage {
  std::string prompt;
  std::uint32_t seed = 0;
};

/// What `pool` lacks so that each of `parts` (indices of training images) has as many generated images of
/// each combination: the prompts of the training images beyond those that the pool has, smaller parts first.
std::vector<MissingImage> missing_images(const SyntheticPool& pool,
                                         const std::vector<std::vector<std::size_t>>& parts,
                                         const Cohort& train, const ClassifyConfig& config);

/// As many images of each combination as the part has: the pool's first ones. Error naming a combination of
/// which there are too few.
std::vector<std::size_t> matching_images(const SyntheticPool& pool, const std::vector<std::size_t>& part,
                                         const Cohort& train, const ClassifyConfig& config);

}  // namespace medisyn
