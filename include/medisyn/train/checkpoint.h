// Checkpoints of a run.
//
//   RUN/checkpoints/step-N/   the model as a Hugging Face folder
//                             training_state.safetensors   parameters, moments and EMA, flat, and a hash of
//                             each
//                                                          training image; metadata: step, updates, config
//                             COMPLETE                     written last
//   RUN/latest                "checkpoints/step-N", moved after the checkpoint is complete
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/train/objective.h"
#include "medisyn/train/parameter_store.h"

namespace medisyn {

/// Writes step-N to a temporary folder, syncs and renames it, moves `latest`, then removes the oldest beyond
/// `keep`. A checkpoint that cannot be written leaves those before intact, and the Error says which is the
/// newest. All ranks must call; the first one writes.
void save_checkpoint(const std::filesystem::path& run, const Objective& objective, ParameterStore& store,
                     const Json& config, std::int64_t keep, const Communicator& ranks);

struct Checkpoint {
  std::filesystem::path folder;
  std::int64_t step;
};

/// Those with COMPLETE, oldest first.
std::vector<Checkpoint> complete_checkpoints(const std::filesystem::path& run);

bool has_checkpoint(const std::filesystem::path& run);

/// The newest complete checkpoint. Error when there is none.
std::filesystem::path newest_checkpoint(const std::filesystem::path& run);

/// Fills the store from a checkpoint, whatever the number of ranks that wrote it. Error, with what differs,
/// when it was trained with another config (how long to train, and how often is logged, validated and saved,
/// may differ) or on other images.
void load_checkpoint(const std::filesystem::path& checkpoint, const Objective& objective,
                     ParameterStore& store, const Json& config);

/// What differs between two configs: "optimizer.learning_rate: 0.1 -> 0.2; ...", "" when nothing does.
std::string config_difference(const Json& before, const Json& after);

}  // namespace medisyn
