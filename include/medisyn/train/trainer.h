// The training loop: run -> step -> forward_backward -> apply -> log and save.
#pragma once

#include <torch/types.h>

#include <filesystem>

#include "medisyn/core/run_record.h"
#include "medisyn/train/config.h"

namespace medisyn {

struct TrainOptions {
  std::filesystem::path out;
  bool resume = false;
  std::int64_t dump_steps = 0;  ///< the first so many steps are written to steps/ (step_dump.h)
  torch::Device device = torch::kCPU;
  std::string go_on;  ///< the command that goes on after an interrupt
};

/// Trains until max_steps, or saves and stops at an interrupt (interrupted() is then true). Writes
/// config.yaml, metrics.jsonl, tensorboard/, checkpoints/ and `latest` into the run folder; gives the final
/// metrics. Error when the folder holds another run, or when the loss is not finite (the samples are named).
Json train(const TrainConfig& config, const TrainOptions& options);

}  // namespace medisyn
