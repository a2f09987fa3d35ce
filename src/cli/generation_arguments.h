// What is typed after `medisyn generate`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "generation_plan.h"
#include "generation_prompts.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/files.h"

namespace medisyn {

/// Images drawn at once unless --batch says otherwise.
inline constexpr std::int64_t kDefaultBatch = 4;

struct GenerateArguments {
  fs::path model;
  PromptSource source;
  std::string sampler;
  std::string size;
  std::string vae_tiling = "auto";
  std::vector<std::string> sweep;
  std::optional<std::int64_t> batch;
  std::optional<std::int64_t> shards;  ///< images of a WebDataset shard; none: no shards
  GenerationOptions generation;
  CommonOptions common;
};

void add_generate_options(CLI::App& app, GenerateArguments& arguments);

/// Errors that need no model, and the parts that others hold: the source's filter, the sweep, the seed. A
/// prompt file may stand in configs/, as a config may.
void check_arguments(GenerateArguments& arguments);

}  // namespace medisyn
