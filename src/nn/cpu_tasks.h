// Work shared among torch's threads. Only for files that are compiled with -fopenmp (src/nn/CMakeLists.txt).
#pragma once

#include <ATen/Parallel.h>

#include <cstdint>

namespace medisyn {

/// Calls task(0) ... task(count - 1), at least `grain` of them on each thread.
template <class Task>
void for_each_task(std::int64_t count, std::int64_t grain, Task task) {
  at::parallel_for(0, count, grain, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      task(i);
    }
  });
}

}  // namespace medisyn
