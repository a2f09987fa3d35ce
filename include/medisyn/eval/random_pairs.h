// Random pairs of a set's members.
#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace medisyn {

using IndexPair = std::pair<std::int64_t, std::int64_t>;

/// `count` different pairs (a < b) of 0 .. n - 1, each member in at least one; all pairs when count is as
/// many or more. Seeded. n must be at least 2 and count at least n / 2, rounded up.
std::vector<IndexPair> random_pairs(std::int64_t n, std::int64_t count, std::uint64_t seed);

/// `count` different pairs (a < b) of members of one group, every such pair as likely; all of them when count
/// is as many or more. Seeded. Members of a group in increasing order.
std::vector<IndexPair> random_pairs_within(const std::vector<std::vector<std::int64_t>>& groups,
                                           std::int64_t count, std::uint64_t seed);

}  // namespace medisyn
