// The options that every subcommand takes, declared once.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace medisyn {

/// Which of the common options a subcommand takes beside --quiet, --json, --threads and --help.
enum CommonFlag : unsigned {
  kTakesOut = 1U << 0,     ///< --out DIR
  kTakesSet = 1U << 1,     ///< --set a.b=c
  kTakesDevice = 1U << 2,  ///< --device, --dtype
  kTakesSeed = 1U << 3,    ///< --seed N
  kTakesWhere = 1U << 4,   ///< --where EXPR, --sample N
  kTakesDryRun = 1U << 5,  ///< --dry-run
  kTakesNproc = 1U << 6,   ///< --nproc N
};

struct CommonOptions {
  std::filesystem::path out;
  std::vector<std::string> set;
  std::string device = "auto";
  std::string dtype = "fp32";
  std::uint64_t seed = 0;
  std::string where;
  std::int64_t sample = 0;   ///< 0: all
  std::int64_t threads = 0;  ///< 0: torch's own choice
  std::int64_t nproc = 1;    ///< processes that share the work
  bool json = false;
  bool quiet = false;
  bool dry_run = false;
};

void add_common_options(CLI::App& app, CommonOptions& options, unsigned flags);

/// Parses the command line and applies --quiet and --threads. Returns an exit code when the program should
/// end (after --help), nothing when the command should run. A bad option is an Error.
std::optional<int> parse_options(CLI::App& app, const CommonOptions& options, int argc, char** argv);

}  // namespace medisyn
