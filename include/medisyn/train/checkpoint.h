// Checkpoints of a run.
//
//   RUN/checkpoints/step-N/   the model as a Hugging Face folder
//                             training_state.safetensors   parameters, moments and EMA, flat; metadata: step,
//                             config COMPLETE                     written last
//   RUN/latest                "checkpoints/step-N", moved after the checkpoint is complete
#pragma once

#include <cstdint>
#include <filesystem>

#include "medisyn/core/run_record.h"
#include "medisyn/train/objective.h"
#include "medisyn/train/parameter_store.h"

namespace medisyn {

/// Writes step-N to a temporary folder, syncs and renames it, moves `latest`, then removes the oldest beyond
/// `keep`. A checkpoint that cannot be written leaves those before intact.
void save_checkpoint(const std::filesystem::path& run, const Objective& objective, ParameterStore& store,
                     const Json& config, std::int64_t keep);

/// The newest complete checkpoint. Error when there is none.
std::filesystem::path newest_checkpoint(const std::filesystem::path& run);

/// Fills the store from a checkpoint. Error, with the keys that differ, when it was trained with another
/// config (max_steps, and how often is logged, validated and saved, may differ).
void load_checkpoint(const std::filesystem::path& checkpoint, ParameterStore& store, const Json& config);

/// What differs between two configs: "optimizer.learning_rate: 0.1 -> 0.2; ...", "" when nothing does.
std::string config_difference(const Json& before, const Json& after);

}  // namespace medisyn
