// The training loop: run -> step -> forward_backward -> apply -> log and save.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <string>

#include "medisyn/core/run_record.h"
#include "medisyn/dist/ranks.h"
#include "medisyn/train/config.h"

namespace medisyn {

struct TrainOptions {
  std::filesystem::path out;
  bool resume = false;
  bool restarted = false;  ///< by a launcher: goes on from the newest checkpoint, or begins again without one
  std::int64_t dump_steps = 0;  ///< the first so many steps are written to steps/ (step_dump.h)
  torch::Device device = torch::kCPU;
  Rank rank = {};     ///< this process of those that train together
  std::string go_on;  ///< the command that goes on after an interrupt
};

/// Trains for the config's epochs or steps, or saves and stops at an interrupt (interrupted() is then true).
/// The first rank writes config.yaml, metrics.jsonl, tensorboard/, previews/, checkpoints/ and `latest` into
/// the run folder; gives the final metrics. Error when the folder holds another run, or when more than
/// max_bad_steps losses are not finite (the samples are named); the other ranks then end too.
Json train(const TrainConfig& config, const TrainOptions& options);

/// Makes what is missing of the config's cache (train/unet_inputs.h). Error for a config without one.
Json make_cache(const TrainConfig& config, const TrainOptions& options);

}  // namespace medisyn
