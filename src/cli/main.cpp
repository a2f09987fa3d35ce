// medisyn: a plain list of name -> function.
#include <fmt/format.h>

#include <array>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/cli/commands.h"
#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/core/log.h"
#include "medisyn/core/version.h"
#include "medisyn/dist/cuda.h"

namespace medisyn {
namespace {

struct Command {
  const char* name;
  int (*run)(int argc, char** argv);
  const char* what;
};

constexpr std::array<Command, 5> kCommands{{
    {"curate", curate_command, "raw repositories -> images and manifest (captions, split by patient)"},
    {"train", train_command, "train a VAE or a text-conditioned U-Net"},
    {"generate", generate_command, "prompts -> PNGs and metadata.jsonl"},
    {"eval", eval_command, "fid | msssim | alignment"},
    {"report", report_command, "one HTML page of a whole run"},
}};

void print_help() {
  fmt::print(
      "medisyn {}: text-guided latent diffusion for medical images\n\nUsage: medisyn COMMAND [OPTIONS]\n\n",
      version());
  for (const Command& command : kCommands) {
    fmt::print("  {:10} {}\n", command.name, command.what);
  }
  fmt::print("\n`medisyn COMMAND --help` shows a command's options.\n");
}

void print_version() {
  fmt::print("medisyn {} ({})\n", version(), built_with_cuda() ? cuda_versions() : "built without CUDA");
}

int dispatch(int argc, char** argv) {
  const std::string_view name = argc > 1 ? argv[1] : "--help";
  std::vector<std::string> names;
  for (const Command& command : kCommands) {
    if (name == command.name) {
      std::string full = fmt::format("medisyn {}", name);
      argv[1] = full.data();
      return command.run(argc - 1, argv + 1);
    }
    names.emplace_back(command.name);
  }
  if (name == "--help" || name == "-h" || name == "help") {
    print_help();
    return argc > 1 ? 0 : 2;
  }
  if (name == "--version") {
    print_version();
    return 0;
  }
  const std::string near = nearest_word(name, names);
  fail("medisyn {}: no such command{} (see medisyn --help)", name,
       near.empty() ? "" : fmt::format("; did you mean {}?", near));
}

}  // namespace
}  // namespace medisyn

int main(int argc, char** argv) {
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
