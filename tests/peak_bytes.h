// The memory of a benchmark's runner.
#pragma once

#include <cstdint>
#include <fstream>
#include <string>

namespace medisyn {

/// The largest resident size so far, VmHWM.
inline std::int64_t peak_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmHWM:") {
      std::int64_t kibibytes = 0;
      status >> kibibytes;
      return kibibytes * 1024;
    }
  }
  return 0;
}

}  // namespace medisyn
