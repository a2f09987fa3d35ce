// Which side of the split an image stands on.
#pragma once

#include <optional>
#include <string>

#include "medisyn/curate/config.h"

namespace medisyn {

/// Where an image lies in its source, as shares of the whole: frame i of n, or a tile's two ends along the
/// axis.
struct Extent {
  double begin = 0.0;
  double end = 1.0;
  double gap = 0.0;  ///< dropped before the border, as a share
};

/// "train", "validation" or "test"; nothing when the image lies across the border of a held-out part.
/// `patient` is the id with the repository's name in front; a listed patient matches with or without it.
std::optional<std::string> choose_split(const SplitConfig& config, const std::string& repository,
                                        const std::string& patient, const Extent& extent);

}  // namespace medisyn
