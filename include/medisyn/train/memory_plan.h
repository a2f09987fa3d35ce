// What a training needs of a device's memory beside its activations: known before anything is loaded.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "medisyn/train/config.h"

namespace medisyn {

/// Bytes on each of `world` devices.
struct MemoryPlan {
  std::int64_t trained = 0;    ///< number of trained parameters
  std::int64_t weights = 0;    ///< of all that is trained or frozen on the device
  std::int64_t gradients = 0;  ///< with the copy that several ranks add up in
  std::int64_t optimizer = 0;  ///< AdamW's moments and the EMA; a part of them when they are sharded
  std::int64_t total() const { return weights + gradients + optimizer; }
};

/// From the configs of the model's folder; its weights are not read. With a cache the encoders that it stands
/// for are not on the device. Error when the folder is missing or no model.
MemoryPlan plan_memory(const TrainConfig& config, std::int64_t world);

/// "3.4 GB"
std::string format_gigabytes(std::int64_t bytes);

}  // namespace medisyn
