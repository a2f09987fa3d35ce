// The same work for many numbers on all cores.
#pragma once

#include <cstdint>
#include <functional>

namespace medisyn {

/// Calls `work(i)` for i of 0 .. count - 1, in about that order, on `threads` threads, and `watch(done)` on
/// this one a few times a second and at the end. The first exception ends all and is thrown here.
void for_each_parallel(std::int64_t count, std::int64_t threads,
                       const std::function<void(std::int64_t)>& work,
                       const std::function<void(std::int64_t done)>& watch);

}  // namespace medisyn
