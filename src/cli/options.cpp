#include "medisyn/cli/options.h"

#include <ATen/Parallel.h>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"

namespace medisyn {
namespace {

constexpr std::int64_t kMostProcesses = 1024;

/// "The following argument was not expected: --oot" -> which option was meant.
std::string suggestion(const CLI::App& app, int argc, char** argv) {
  std::vector<std::string> known;
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) {
      known.push_back("--" + name);
    }
  }
  for (int i = 1; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    const bool is_known = std::find(known.begin(), known.end(), word) != known.end();
    const std::string near = word.starts_with("--") && !is_known ? nearest_word(word, known) : "";
    if (!near.empty()) {
      return fmt::format("; did you mean {}?", near);
    }
  }
  return {};
}

}  // namespace

void add_common_options(CLI::App& app, CommonOptions& options, unsigned flags) {
  if (flags & kTakesOut) {
    app.add_option("--out", options.out, "Folder for the results")->type_name("DIR");
  }
  if (flags & kTakesSet) {
    app.add_option("--set", options.set, "Override a key of the config (repeatable)")
        ->type_name("KEY=VALUE")
        ->expected(1)
        ->take_all();
  }
  if (flags & kTakesDevice) {
    app.add_option("--device", options.device, "auto, cpu, cuda or cuda:N")->capture_default_str();
    app.add_option("--dtype", options.dtype, "fp32, bf16 or fp16")->capture_default_str();
  }
  if (flags & kTakesSeed) {
    app.add_option("--seed", options.seed, "Seed of everything drawn")->capture_default_str();
  }
  if (flags & kTakesWhere) {
    app.add_option("--where", options.where, "Filter, e.g. \"specialty=Dermatology and split=train\"")
        ->type_name("EXPR");
    app.add_option("--sample", options.sample, "Draw N records without replacement")->type_name("N");
  }
  if (flags & kTakesDryRun) {
    app.add_flag("--dry-run", options.dry_run, "Check everything, write nothing");
  }
  if (flags & kTakesNproc) {
    app.add_option("--nproc", options.nproc, "Processes that share the work, one a GPU")
        ->capture_default_str()
        ->type_name("N");
  }
  app.add_option("--threads", options.threads, "CPU threads of a process (default: all, shared by --nproc)")
      ->type_name("N");
  app.add_flag("--json", options.json, "Print the result as one JSON object on stdout");
  app.add_flag("--quiet", options.quiet, "No messages but warnings and errors");
}

std::optional<int> parse_options(CLI::App& app, const CommonOptions& options, int argc, char** argv) {
  app.name(argv[0]);
  try {
    app.parse(argc, argv);
  } catch (const CLI::CallForHelp&) {
    fmt::print("{}", app.help());
    return 0;
  } catch (const CLI::ParseError& error) {
    fail("{}: {}{} (see {} --help)", argv[0], error.what(), suggestion(app, argc, argv), argv[0]);
  }
  set_quiet(options.quiet);
  if (options.threads < 0) {
    fail("--threads {}: expected a number of at least 1", options.threads);
  }
  if (options.nproc < 1 || options.nproc > kMostProcesses) {
    fail("--nproc {}: expected 1 to {}", options.nproc, kMostProcesses);
  }
  if (options.threads > 0) {
    at::set_num_threads(static_cast<int>(options.threads));
  }
  watch_interrupts();
  return std::nullopt;
}

}  // namespace medisyn
