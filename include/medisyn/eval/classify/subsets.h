// Parts of a training set: nested or independent, stratified, by image or by patient.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/eval/classify/config.h"

namespace medisyn {

struct SubsetItem {
  std::string id;       ///< of the image; the draw depends on ids, not on their order
  std::string stratum;  ///< its class or combination of classes
  std::string group;    ///< its patient or video
};

/// The images of each fraction, as rising indices. Of 100 % all. By patient, whole groups are taken until the
/// number of a stratum's images is nearest to its share, one group at least; a group's stratum is that of
/// most of its images. Error for sizes beyond the set.
std::vector<std::vector<std::size_t>> draw_subsets(const std::vector<SubsetItem>& items,
                                                   const ClassifySubsetsConfig& config, std::uint64_t seed);

/// How many of each stratum's images a part has. `size`: of the part, or none for `fraction` per cent by the
/// rule `rounding` (ClassifySubsetsConfig). Not fewer of any than in `least`, where that is not empty.
std::vector<std::int64_t> allocate(const std::vector<std::int64_t>& strata, double fraction,
                                   std::optional<std::int64_t> size, const std::string& rounding,
                                   const std::vector<std::int64_t>& least);

}  // namespace medisyn
