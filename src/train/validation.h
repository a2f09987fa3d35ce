// What all ranks of a training compute together to see how it goes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "medisyn/dist/communicator.h"
#include "medisyn/train/objective.h"

namespace medisyn {

/// The mean scores of all held-out images, of which each rank evaluates some.
Scores held_out_scores(const Objective& objective, Communicator& ranks);

/// PNGs of the first `count` preview prompts, of which each rank draws some; on every rank.
std::vector<std::string> draw_previews(const Objective& objective, std::int64_t count, Communicator& ranks);

}  // namespace medisyn
