// Random pairs of a set's members.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace medisyn {

/// `count` different pairs (a < b) of 0 .. n - 1, each member in at least one; all pairs when count is as
/// many or more. Seeded. n must be at least 2 and count at least n / 2, rounded up.
std::vector<std::pair<std::int64_t, std::int64_t>> random_pairs(std::int64_t n, std::int64_t count,
                                                                std::uint64_t seed);

}  // namespace medisyn
