#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/train/classifier.h"

namespace medisyn {
namespace {

void check_targets(const LabelledImage& one, const std::vector<std::string>& classes, bool multi_label,
                   const std::string& where) {
  if (one.targets.size() != classes.size()) {
    fail("{}: {}: expected {} labels, found {}", where, one.image.name(), classes.size(), one.targets.size());
  }
  const auto ones = std::count(one.targets.begin(), one.targets.end(), 1.0F);
  const auto zeros = std::count(one.targets.begin(), one.targets.end(), 0.0F);
  const bool is_whole = ones + zeros == std::ssize(classes);
  if (!multi_label && (!is_whole || ones != 1)) {
    fail("{}: {}: expected one class, found {}: name one, or set multi_label", where, one.image.name(), ones);
  }
  if (multi_label && std::any_of(one.targets.begin(), one.targets.end(), [](float target) {
        return target != 0 && target != 1 && !std::isnan(target);
      })) {
    fail("{}: {}: expected labels of 0, 1 or missing", where, one.image.name());
  }
}

std::int64_t count_of(std::span<const LabelledImage> set, std::size_t index, float target) {
  return std::count_if(set.begin(), set.end(),
                       [&](const LabelledImage& one) { return one.targets[index] == target; });
}

void check_set(std::span<const LabelledImage> set, const std::vector<std::string>& classes, bool multi_label,
               const std::string& where) {
  if (set.empty()) {
    fail("{}: no image", where);
  }
  for (const LabelledImage& one : set) {
    check_targets(one, classes, multi_label, where);
  }
}

}  // namespace

void check_classifier_data(const ClassifierConfig& config, const ClassifierData& data,
                           const std::string& name) {
  if (data.classes.size() < (config.multi_label ? 1U : 2U)) {
    fail("{}: expected {} classes or more, found {}", name, config.multi_label ? 1 : 2, data.classes.size());
  }
  check_set(data.train, data.classes, config.multi_label, name + ": training images");
  check_set(data.validation, data.classes, config.multi_label, name + ": validation images");
  check_set(data.test, data.classes, config.multi_label, name + ": test images");
  bool has_score = false;
  for (std::size_t index = 0; index < data.classes.size(); ++index) {
    if (count_of(data.train, index, 1) == 0) {
      fail("{}: no training image of class {}: take a larger fraction, or leave the class out", name,
           data.classes[index]);
    }
    has_score =
        has_score || (count_of(data.validation, index, 1) > 0 && count_of(data.validation, index, 0) > 0);
  }
  if (!has_score) {
    fail(
        "{}: validation images: no class has both images that show it and images that do not, so there is no "
        "AUROC",
        name);
  }
}

}  // namespace medisyn
