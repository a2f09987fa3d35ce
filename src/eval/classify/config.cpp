#include "medisyn/eval/classify/config.h"

#include <algorithm>
#include <set>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

template <class Value>
void check_list(const std::vector<Value>& values, const char* key) {
  if (values.empty()) {
    fail("{}: expected at least one", key);
  }
  if (std::set<Value>(values.begin(), values.end()).size() != values.size()) {
    fail("{}: one is there twice", key);
  }
}

void check_subsets(const ClassifySubsetsConfig& subsets) {
  check_list(subsets.fractions, "subsets.fractions");
  if (!std::is_sorted(subsets.fractions.begin(), subsets.fractions.end()) || subsets.fractions.front() <= 0) {
    fail("subsets.fractions: expected per cents above 0 in rising order");
  }
  if (!subsets.sizes.empty() && (subsets.sizes.size() != subsets.fractions.size() ||
                                 !std::is_sorted(subsets.sizes.begin(), subsets.sizes.end()))) {
    fail("subsets.sizes: expected a number of images for each of {} fractions, rising, found {}",
         subsets.fractions.size(), subsets.sizes.size());
  }
}

void check_synthetic(const ClassifyConfig& config) {
  const ClassifySyntheticConfig& synthetic = config.synthetic;
  const bool has_one = !synthetic.images.empty() || !synthetic.model.empty();
  if (has_one && !synthetic.by_fraction.empty()) {
    fail("synthetic: expected images and model, or by_fraction, found both");
  }
  if (!has_one && synthetic.by_fraction.empty()) {
    fail("synthetic: expected images, model or by_fraction: the config's sources need generated images");
  }
  if (!synthetic.by_fraction.empty()) {
    for (const double fraction : config.subsets.fractions) {
      if (std::none_of(synthetic.by_fraction.begin(), synthetic.by_fraction.end(),
                       [&](const ClassifyPoolConfig& one) { return one.fraction == fraction; })) {
        fail("synthetic.by_fraction: none for the fraction of {} %", fraction);
      }
    }
  }
  if (config.no_peek && config.subsets.per_seed) {
    fail("no_peek: a generator is trained on one part of the data: expected subsets.per_seed: false");
  }
}

}  // namespace

void check_config(const ClassifyConfig& config) {
  check_list(config.class_names(), "classes");
  check_list(config.sources, "sources");
  check_list(config.match, "match");
  check_list(config.seeds, "seeds");
  check_subsets(config.subsets);
  for (const ClassifyClassConfig& one : config.classes) {
    if (!one.unknown.empty() && !config.classifier.multi_label) {
      fail("class {}: unknown: only a multi-label task knows missing labels", one.name);
    }
  }
  if (config.real.allow_none && !config.classifier.multi_label) {
    fail("real.allow_none: only in a multi-label task may an image be of no class");
  }
  if (config.classifier.steps && config.match.size() > 1) {
    fail("match: classifier.steps gives every run the same steps: expected one entry, found {}",
         config.match.size());
  }
  if (config.sources != std::vector<std::string>{"real"}) {
    check_synthetic(config);
  }
}

}  // namespace medisyn
