// An upper bound of a rate. Source: Clopper & Pearson, 1934.
#pragma once

#include <cstdint>

namespace medisyn {

/// The rate at which `hits` or fewer of `trials` would come up with probability 1 - confidence: one-sided, so
/// 1 - (1 - confidence)^(1 / trials) for no hit, and 1 when each trial hit. 0 <= hits <= trials, trials >= 1.
double clopper_pearson_upper(std::int64_t hits, std::int64_t trials, double confidence = 0.95);

}  // namespace medisyn
