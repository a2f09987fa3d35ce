// Ranks of values, equal ones sharing the mean of theirs.
#pragma once

#include <span>
#include <vector>

namespace medisyn {

/// From 1 on, in the values' order.
std::vector<double> midranks(std::span<const double> values);

}  // namespace medisyn
