// medisyn eval classify: a grid of classifiers on real, synthetic and both kinds of images.
#include <algorithm>

#include "classify_grid.h"
#include "classify_pools.h"
#include "launch.h"
#include "medisyn/cli/eval_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/dist/device.h"

namespace medisyn {
namespace {

struct ClassifyArguments {
  fs::path config_name;
  fs::path subsets;  ///< --write-subsets
  CommonOptions common;
};

/// Draws what is missing and finds it.
int complete_pools(ClassifyGrid& grid, const CommonOptions& common) {
  if (!is_launched_rank()) {  // else the launcher has
    if (const int code = draw_missing(grid.data, grid.missing, grid.config, common); code != 0) {
      return code;
    }
  }
  open_pools(grid.data, grid.config, pool_folders(grid.data, grid.missing, common.out));
  match_parts(grid.data, grid.config);
  return 0;
}

int interrupted_end(const std::string& command) {
  log_warning("interrupted: finished runs are kept; go on with: {}", command);
  return interrupt_exit_code();
}

/// Starts the ranks, each with its share of the runs, and says how they ended.
int launch(const CommonOptions& common, int argc, char** argv, const std::string& command) {
  std::vector<std::string> words = {"medisyn", "eval", "classify"};
  words.insert(words.end(), argv + 1, argv + argc);
  const std::vector<RankEnd> ends = run_ranks(common.nproc, words);
  if (interrupted()) {
    return interrupted_end(command);
  }
  const std::vector<std::string> failures = describe_failures(ends);
  for (const std::string& failure : failures) {
    log_warning("{}", failure);
  }
  if (failures.empty()) {
    return 0;
  }
  log_warning("what the others finished is kept; the missing runs are made by the same command: {}", command);
  const auto is_fault = [](const RankEnd& end) { return !end.is_good() && end.exit_code != 2; };
  return std::any_of(ends.begin(), ends.end(), is_fault) ? 1 : 2;
}

void check_start(const ClassifyConfig& config, const CommonOptions& common) {
  if (common.out.empty()) {
    fail("medisyn eval classify: where to? Give --out DIR: the same again goes on");
  }
  require_file(config.classifier.weights,
               fmt::format("classifier.weights: the ImageNet weights of {}", config.classifier.model));
}

}  // namespace

int eval_classify_command(int argc, char** argv) {
  CLI::App app(
      "Trains classifiers on real, synthetic and both kinds of images at fractions of the training set, and "
      "scores them on real test images; the same command goes on");
  ClassifyArguments arguments;
  CommonOptions& common = arguments.common;
  app.add_option("--config", arguments.config_name, "The grid's YAML, as configs/classify/dermoscopy.yaml")
      ->required();
  app.add_option("--write-subsets", arguments.subsets,
                 "Only write a manifest of each fraction: what a generator may see with no_peek")
      ->type_name("DIR");
  add_common_options(app, common,
                     kTakesOut | kTakesSet | kTakesDevice | kTakesSeed | kTakesDryRun | kTakesNproc);
  const std::string command = typed_command(argc, argv);
  if (const auto code = parse_options(app, common, argc, argv)) {
    return *code;
  }
  if (app.count("--seed") > 0) {
    common.set.push_back(fmt::format("subsets.seed={}", common.seed));
  }
  if (app.count("--dtype") > 0) {
    common.set.push_back(fmt::format("classifier.precision={}", common.dtype));
  }
  if (app.count("--nproc") == 0 && (common.device == "auto" || common.device == "cuda")) {
    common.nproc = std::max<std::int64_t>(1, gpu_count());
  }
  const Rank rank = this_rank();
  if (is_launched_rank()) {
    end_with_launcher();
  }
  RunRecord record(argv[0]);
  const auto config = read_config<ClassifyConfig>(find_config(arguments.config_name), common.set);
  if (!arguments.subsets.empty()) {
    write_classify_subsets(open_grid(config), config, arguments.subsets);
    return 0;
  }
  ClassifyGrid grid = open_classify_grid(config);
  if (common.dry_run) {
    report_classify_plan(grid, common);
    return 0;
  }
  check_start(config, common);
  set_quiet(common.quiet || rank.rank != 0);
  const ClassifyFolder folder(common.out, config);
  if (const int code = complete_pools(grid, common); code != 0) {
    return interrupted() ? interrupted_end(command) : code;
  }
  if (!is_launched_rank()) {
    log_info("{} runs", grid.runs.size());
  }
  if (common.nproc > 1 && rank.world == 1 && !is_launched_rank()) {
    if (const int code = launch(common, argc, argv, command); code != 0) {
      return code;
    }
  } else {
    set_quiet(common.quiet);
    if (!train_classify_runs(grid, folder, common, rank)) {
      return is_launched_rank() ? interrupt_exit_code() : interrupted_end(command);
    }
  }
  if (!is_launched_rank()) {
    report_classify(grid, folder, record, common, command);
  }
  return 0;
}

}  // namespace medisyn
