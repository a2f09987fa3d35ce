// `medisyn eval fid --checkpoints`: the paper's choice among the epochs of its six configurations.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "medisyn/cli/eval_commands.h"

namespace medisyn {

/// --checkpoints, and how their pictures are drawn.
struct CheckpointsOptions {
  std::vector<std::filesystem::path> runs;
  std::string sampler;  ///< "": the model's own
  std::string size;     ///< "": what the model was trained with
  std::int64_t steps = 50;
  double scale = 7.5;
  std::int64_t batch = 4;
};

void add_checkpoints_options(CLI::App& app, CheckpointsOptions& options);

/// Draws, with each checkpoint of the runs, a picture for the caption of every one of the real images that
/// --where and --sample leave (the same seeds for all), and scores it against them. OUT/images/RUN-step-N
/// holds the pictures, which a second run of the same command does not draw again; checkpoints.csv and
/// result.json the table. Error for a run without checkpoints, or two of one name.
int eval_checkpoints(const CheckpointsOptions& options, const CommonOptions& common,
                     const ExtractorOptions& extractor, const std::filesystem::path& real);

}  // namespace medisyn
