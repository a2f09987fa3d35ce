// The side of the split that a repository's own rule gives an image.
#pragma once

#include <optional>
#include <string>

#include "medisyn/curate/repository_config.h"

namespace medisyn {

/// Where an image lies in its source, as shares of the whole: frame i of n, or a tile's two ends along the
/// axis.
struct Extent {
  double begin = 0.0;
  double end = 1.0;
  double gap = 0.0;  ///< dropped before the border, as a share
};

/// Frame (or slice) `index` of `count`; config.gap frames before the border are dropped.
Extent frame_extent(const SideConfig& config, std::int64_t index, std::int64_t count);

/// "train", "validation" or "test"; "" where the groups of the whole study decide (rule groups) or the
/// repository's own column does (official); nothing when the image lies across the border of a held-out part.
/// `patient` is the id with the repository's name in front; a listed patient matches with or without it.
std::optional<std::string> own_side(const SideConfig& config, const std::string& repository,
                                    const std::string& patient, const Extent& extent);

/// Whether one subject stands on both sides on purpose.
inline bool divides_subjects(const SideConfig& config) {
  return config.rule == "frames" || config.rule == "region";
}

}  // namespace medisyn
