#include "medisyn/curate/split.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "medisyn/core/random_key.h"

namespace medisyn {
namespace {

std::string by_hash(const std::vector<double>& ratio, const std::string& patient) {
  static constexpr std::array kNames{"train", "validation", "test"};
  const double total = std::accumulate(ratio.begin(), ratio.end(), 0.0);
  const double draw = random_key({hash_text(patient), hash_text("split")}) / 4294967296.0 * total;
  double end = 0.0;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    end += ratio[i];
    if (draw < end) {
      return kNames[i];
    }
  }
  return kNames.back();
}

bool is_listed(const std::vector<std::string>& list, const std::string& repository,
               const std::string& patient) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& listed) {
    return listed == patient || repository + "-" + listed == patient;
  });
}

}  // namespace

std::optional<std::string> choose_split(const SplitConfig& config, const std::string& repository,
                                        const std::string& patient, const Extent& extent) {
  if (config.rule == "all") {
    return config.to;
  }
  if (config.rule == "hash") {
    return by_hash(config.ratio, patient);
  }
  if (config.rule == "patients") {
    if (is_listed(config.test, repository, patient)) {
      return "test";
    }
    return is_listed(config.validation, repository, patient) ? "validation" : "train";
  }
  if (extent.begin >= config.from) {
    return "test";
  }
  if (extent.end <= config.from - extent.gap) {
    return "train";
  }
  return std::nullopt;
}

}  // namespace medisyn
