// medisyn: a plain list of name -> function.
#include <fmt/format.h>

#include <array>
#include <exception>
#include <string_view>

#include "medisyn/cli/commands.h"
#include "medisyn/cli/subcommands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/log.h"
#include "medisyn/core/memory.h"
#include "medisyn/core/version.h"
#include "medisyn/dist/cuda.h"

namespace medisyn {
namespace {

constexpr std::array<Subcommand, 7> kCommands{{
    {"curate", curate_command, "raw repositories -> images and manifest (captions, split by patient)"},
    {"cache", cache_command, "encode a training's images and captions once"},
    {"train", train_command, "train a VAE or a text-conditioned U-Net"},
    {"generate", generate_command, "prompts -> PNGs and metadata.jsonl"},
    {"eval", eval_command, "fid | msssim | alignment"},
    {"model", model_command, "inspect | init | convert | export | tokenize | train-tokenizer"},
    {"report", report_command, "one HTML page of a whole run"},
}};

void print_version() {
  fmt::print("medisyn {} ({})\n", version(), built_with_cuda() ? cuda_versions() : "built without CUDA");
}

int dispatch(int argc, char** argv) {
  if (argc > 1 && std::string_view(argv[1]) == "--version") {
    print_version();
    return 0;
  }
  const auto about = fmt::format("medisyn {}: text-guided latent diffusion for medical images", version());
  return run_subcommand("medisyn", about, kCommands, argc, argv);
}

}  // namespace
}  // namespace medisyn

int main(int argc, char** argv) {
  medisyn::keep_freed_memory();
  try {
    return medisyn::dispatch(argc, argv);
  } catch (const medisyn::Error& error) {
    medisyn::log_error("{}", error.what());
    return 2;
  } catch (const std::exception& error) {
    medisyn::log_error("a fault of medisyn itself: {}", error.what());
    return 1;
  }
}
