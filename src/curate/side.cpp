#include "medisyn/curate/side.h"

#include <algorithm>

namespace medisyn {
namespace {

bool is_listed(const std::vector<std::string>& list, const std::string& repository,
               const std::string& patient) {
  return std::any_of(list.begin(), list.end(), [&](const std::string& listed) {
    return listed == patient || repository + "-" + listed == patient;
  });
}

}  // namespace

Extent frame_extent(const SideConfig& config, std::int64_t index, std::int64_t count) {
  const auto whole = static_cast<double>(count);
  return {.begin = static_cast<double>(index) / whole,
          .end = static_cast<double>(index + 1) / whole,
          .gap = static_cast<double>(config.gap) / whole};
}

std::optional<std::string> own_side(const SideConfig& config, const std::string& repository,
                                    const std::string& patient, const Extent& extent) {
  if (config.rule == "all") {
    return config.to;
  }
  if (config.rule == "patients") {
    if (is_listed(config.test, repository, patient)) {
      return "test";
    }
    return is_listed(config.validation, repository, patient) ? "validation" : "train";
  }
  if (!divides_subjects(config)) {
    return "";
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
