#include "medisyn/dist/memory.h"

#include <c10/core/CachingDeviceAllocator.h>

#include <fstream>
#include <string>

#include "medisyn/core/error.h"
#include "medisyn/dist/cuda.h"

namespace medisyn {

std::optional<DeviceMemory> device_memory(const torch::Device& device) {
  if (!device.is_cuda()) {
    return std::nullopt;
  }
  load_cuda();
  c10::DeviceAllocator* allocator = c10::getDeviceAllocator(device.type());
  if (!allocator->initialized()) {  // before the first tensor
    return DeviceMemory{};
  }
  const auto stats = allocator->getDeviceStats(device.index());
  const auto& bytes =
      stats.allocated_bytes[static_cast<std::size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
  return DeviceMemory{.current = bytes.current, .peak = bytes.peak};
}

std::int64_t peak_host_bytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    if (word == "VmHWM:") {
      std::int64_t kibibytes = 0;
      status >> kibibytes;
      return kibibytes * 1024;
    }
  }
  fail("/proc/self/status: expected VmHWM, the peak of this process's memory; mount /proc");
}

}  // namespace medisyn
