#include "launch.h"

#include <algorithm>

#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/dist/device.h"

namespace medisyn {
namespace {

/// Processes to start: what --nproc says, or one for each GPU.
std::int64_t process_count(const CommonOptions& options, const CLI::App& app) {
  if (app.count("--nproc") > 0 || (options.device != "auto" && options.device != "cuda")) {
    return options.nproc;
  }
  return std::max<std::int64_t>(1, gpu_count());
}

int start_ranks(std::int64_t count, const std::string& command, int argc, char** argv) {
  std::vector<std::string> arguments{"medisyn", command};
  arguments.insert(arguments.end(), argv + 1, argv + argc);
  const std::vector<RankEnd> ends = run_ranks(count, arguments, OnFailure::kStopOthers);
  if (interrupted()) {
    return interrupt_exit_code();
  }
  const std::vector<std::string> failures = describe_failures(ends);
  for (const std::string& line : failures) {
    log_warning("{}", line);
  }
  // Of what the user can fix one rank knows; the others end because it did.
  const bool is_fixable =
      std::any_of(ends.begin(), ends.end(), [](const RankEnd& end) { return end.exit_code == 2; });
  return failures.empty() ? 0 : is_fixable ? 2 : 1;
}

}  // namespace

std::string typed_command(int argc, char** argv) {
  std::string command;
  for (int i = 0; i < argc; ++i) {
    const std::string word = argv[i];
    const bool plain =
        i == 0 || (!word.empty() && word.find_first_of(" \t\"'$&|;<>()*?#~`\\") == std::string::npos);
    std::string quoted = plain ? word : "'";
    for (const char c : plain ? std::string() : word) {
      quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    }
    command += (i > 0 ? " " : "") + quoted + (plain ? "" : "'");
  }
  return command;
}

int run_together(const CommonOptions& options, const CLI::App& app, const std::string& command, int argc,
                 char** argv, const std::function<int(const Rank&)>& work) {
  const Rank rank = this_rank();
  if (is_launched_rank()) {
    end_with_launcher();
  } else if (rank.world == 1 && !options.dry_run) {
    if (const std::int64_t count = process_count(options, app); count > 1) {
      return start_ranks(count, command, argc, argv);
    }
  }
  set_quiet(options.quiet || rank.rank != 0);  // the others would say the same
  return work(rank);
}

}  // namespace medisyn
