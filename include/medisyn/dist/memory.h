// The memory that a training takes.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <optional>

namespace medisyn {

/// Bytes of tensors, as torch's allocator for this device counts them; it asks the driver for some more.
struct DeviceMemory {
  std::int64_t current = 0;
  std::int64_t peak = 0;  ///< since the program began
};

/// Nothing for a CPU, whose tensors nobody counts.
std::optional<DeviceMemory> device_memory(const torch::Device& device);

/// The largest resident size of this process so far (VmHWM of /proc/self/status). getrusage() would tell that
/// of the process that started this one, where it was larger. Error where /proc is not there.
std::int64_t peak_host_bytes();

}  // namespace medisyn
