// Draws real images of each class so that patients and videos are used as evenly as they can be.
//
//   class --> cluster (once) --> unit (at most `cap` times)      cap = 1, 2, 3, ...
//
// A unit is a group (patient, video) with those that share a cluster of near-duplicates with it. For each cap
// as many images are drawn as can be, by augmenting paths, and none is given back for the next: so the
// largest use of a unit is the least possible, as many units as possible are used, and where the draw fails
// there is no way.
#pragma once

#include <cstdint>
#include <vector>

#include "medisyn/eval/reader_study/design.h"
#include "medisyn/eval/reader_study/draw.h"

namespace medisyn {

/// Numbers of real candidates for each class, needed[c] of class c, in random order. Error when there are not
/// so many.
std::vector<std::vector<std::size_t>> spread_draw(const StudyCandidates& candidates,
                                                  const std::vector<std::size_t>& needed, bool unique_groups,
                                                  Draw& draw);

}  // namespace medisyn
