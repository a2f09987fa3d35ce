#include "medisyn/cli/subcommands.h"

#include <fmt/format.h>

#include <vector>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"

namespace medisyn {

int run_subcommand(const std::string& parent, const std::string& about, std::span<const Subcommand> commands,
                   int argc, char** argv) {
  const std::string name = argc > 1 ? argv[1] : "--help";
  std::vector<std::string> names;
  for (const Subcommand& command : commands) {
    if (name == command.name) {
      std::string full = fmt::format("{} {}", parent, name);
      argv[1] = full.data();
      return command.run(argc - 1, argv + 1);
    }
    names.emplace_back(command.name);
  }
  if (name == "--help" || name == "-h" || name == "help") {
    fmt::print("{}\n\nUsage: {} COMMAND [OPTIONS]\n\n", about, parent);
    for (const Subcommand& command : commands) {
      fmt::print("  {:15} {}\n", command.name, command.what);
    }
    fmt::print("\n`{} COMMAND --help` shows a command's options.\n", parent);
    return argc > 1 ? 0 : 2;
  }
  const std::string near = nearest_word(name, names);
  fail("{} {}: no such command{} (see {} --help)", parent, name,
       near.empty() ? "" : fmt::format("; did you mean {}?", near), parent);
}

}  // namespace medisyn
