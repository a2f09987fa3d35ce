// The labelled real images of a grid: who takes part, on which side, with which classes.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "medisyn/data/manifest.h"
#include "medisyn/eval/classify/config.h"
#include "medisyn/train/classifier.h"

namespace medisyn {

using Targets = std::vector<float>;  ///< [C]: 1, 0 or NaN, as in LabelledImage

/// The classes that are there: "cardiomegaly + edema"; unknown ones with a question mark; "none".
std::string combination_of(const Targets& targets, const std::vector<std::string>& classes);

struct Cohort {
  Manifest manifest;
  std::vector<Targets> targets = {};  ///< beside the records

  std::vector<LabelledImage> images() const;
};

struct Cohorts {
  Cohort train, validation, test;
  std::int64_t left_out = 0;  ///< records of these splits that `caption` or `only_labels` left out
  std::int64_t no_class = 0;  ///< records that were left out because they are of no class
};

/// Reads no image. Error when a side is empty, an image is of two classes of a task that knows one, or of a
/// class and of its unknown ones, two records of one picture have other labels, or two sides have a patient,
/// a group or a picture in common (data/disjoint.h).
Cohorts open_cohorts(const ClassifyConfig& config);

/// How many images show each class, in the order of the classes.
std::vector<std::int64_t> class_counts(const std::vector<Targets>& targets, std::size_t classes);

}  // namespace medisyn
