#include "medisyn/eval/classify/cohort.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>
#include <regex>

#include "medisyn/core/error.h"
#include "medisyn/data/disjoint.h"
#include "medisyn/data/filter.h"

namespace medisyn {
namespace {

struct ClassFilters {
  std::string name;
  Filter real;
  std::optional<Filter> unknown;
};

std::vector<ClassFilters> filters_of(const ClassifyConfig& config) {
  std::vector<ClassFilters> filters;
  for (const ClassifyClassConfig& one : config.classes) {
    filters.push_back({one.name, parse_filter(one.real), std::nullopt});
    if (!one.unknown.empty()) {
      filters.back().unknown = parse_filter(one.unknown);
    }
  }
  return filters;
}

/// What the cohort's own conditions say of a record.
class CohortTest {
 public:
  explicit CohortTest(const ClassifyCohortConfig& config) : only_labels_(config.only_labels) {
    if (config.caption.empty()) {
      return;
    }
    try {
      caption_ = std::regex(config.caption);
    } catch (const std::regex_error& error) {
      fail("real.caption: {:?} is no regular expression: {}", config.caption, error.what());
    }
  }

  bool operator()(const Record& record) const {
    const auto is_known = [&](const std::string& label) {
      return std::find(only_labels_.begin(), only_labels_.end(), label) != only_labels_.end();
    };
    return (!caption_ || std::regex_match(record.text, *caption_)) &&
           (only_labels_.empty() || std::all_of(record.labels.begin(), record.labels.end(), is_known));
  }

 private:
  std::optional<std::regex> caption_;
  std::vector<std::string> only_labels_;
};

Targets targets_of(const Record& record, const std::vector<ClassFilters>& filters, bool multi_label,
                   const std::string& where) {
  Targets targets;
  std::vector<std::string> found;
  for (const ClassFilters& one : filters) {
    const bool is_there = one.real(record);
    const bool is_unknown = one.unknown && (*one.unknown)(record);
    if (is_there && is_unknown) {
      fail("{}: {}: contradictory labels: it shows {} and does not say whether it does", where,
           record.file_name, one.name);
    }
    targets.push_back(is_there ? 1.0F : is_unknown ? std::numeric_limits<float>::quiet_NaN() : 0.0F);
    if (is_there) {
      found.push_back(one.name);
    }
  }
  if (!multi_label && found.size() > 1) {
    fail(
        "{}: {}: contradictory labels: it is {} and {}, and an image is of one class: make the classes' "
        "filters exclusive, or set classifier.multi_label",
        where, record.file_name, found[0], found[1]);
  }
  return targets;
}

bool is_of_no_class(const Targets& targets) {
  return std::all_of(targets.begin(), targets.end(), [](float target) { return target != 1; });
}

/// Error for one picture with two opinions.
void check_labels(const Cohort& cohort, const std::vector<std::string>& classes) {
  std::map<std::string, std::size_t> by_hash;
  for (std::size_t i = 0; i < cohort.targets.size(); ++i) {
    const Record& record = cohort.manifest.records[i];
    const auto [first, is_new] = by_hash.try_emplace(record.sha256, i);
    if (is_new || record.sha256.empty()) {
      continue;
    }
    const std::string here = combination_of(cohort.targets[i], classes);
    const std::string there = combination_of(cohort.targets[first->second], classes);
    if (here != there) {
      fail("{}: contradictory labels: {} and {} are the same picture, the one is {}, the other {}",
           cohort.manifest.root.string(), cohort.manifest.records[first->second].file_name, record.file_name,
           there, here);
    }
  }
}

class CohortReader {
 public:
  explicit CohortReader(const ClassifyConfig& config)
      : config_(config),
        filters_(filters_of(config)),
        is_in_(config.real),
        all_(filtered(read_manifest(config.real.manifest), config.real.where)) {}

  Cohort side(const std::string& where, const char* name, Cohorts& counts) const {
    Cohort cohort{.manifest = {.root = all_.root, .records = {}}};
    for (const Record& record : filtered(all_, where).records) {
      if (!is_in_(record)) {
        ++counts.left_out;
        continue;
      }
      Targets targets =
          targets_of(record, filters_, config_.classifier.multi_label, config_.real.manifest.string());
      if (is_of_no_class(targets) && !config_.real.allow_none) {
        ++counts.no_class;
        continue;
      }
      cohort.manifest.records.push_back(record);
      cohort.targets.push_back(std::move(targets));
    }
    if (cohort.targets.empty()) {
      fail("{}: no {} image is left ({}): look at real.caption, real.only_labels and the classes' filters",
           config_.real.manifest.string(), name, where.empty() ? "all" : where);
    }
    check_labels(cohort, config_.class_names());
    return cohort;
  }

 private:
  const ClassifyConfig& config_;
  std::vector<ClassFilters> filters_;
  CohortTest is_in_;
  Manifest all_;
};

}  // namespace

std::string combination_of(const Targets& targets, const std::vector<std::string>& classes) {
  std::string text;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    if (targets[c] != 0) {
      text += (text.empty() ? "" : " + ") + classes[c] + (std::isnan(targets[c]) ? "?" : "");
    }
  }
  return text.empty() ? "none" : text;
}

std::vector<LabelledImage> Cohort::images() const {
  std::vector<LabelledImage> images;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    images.push_back({.image = image_source(manifest, manifest.records[i]), .targets = targets[i]});
  }
  return images;
}

Cohorts open_cohorts(const ClassifyConfig& config) {
  const CohortReader reader(config);
  Cohorts cohorts;
  cohorts.train = reader.side(config.real.train, "training", cohorts);
  cohorts.validation = reader.side(config.real.validation, "validation", cohorts);
  cohorts.test = reader.side(config.real.test, "test", cohorts);
  check_disjoint(cohorts.train.manifest, "training images", cohorts.validation.manifest, "validation images");
  check_disjoint(cohorts.train.manifest, "training images", cohorts.test.manifest, "test images");
  check_disjoint(cohorts.validation.manifest, "validation images", cohorts.test.manifest, "test images");
  return cohorts;
}

std::vector<std::int64_t> class_counts(const std::vector<Targets>& targets, std::size_t classes) {
  std::vector<std::int64_t> counts(classes, 0);
  for (const Targets& one : targets) {
    for (std::size_t c = 0; c < classes; ++c) {
      counts[c] += one[c] == 1 ? 1 : 0;
    }
  }
  return counts;
}

}  // namespace medisyn
