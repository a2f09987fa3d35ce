// medisyn train, medisyn cache: one YAML -> a trained model, or what its frozen encoders make of the data.
#include <cstdlib>
#include <optional>

#include "launch.h"
#include "medisyn/cli/commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/data/filter.h"
#include "medisyn/dist/device.h"
#include "medisyn/train/memory_plan.h"
#include "medisyn/train/objective.h"
#include "medisyn/train/trainer.h"

namespace medisyn {
namespace {

struct TrainArguments {
  std::string config_name;
  TrainOptions train;
  CommonOptions common;
};

TrainConfig read_train_config(const CLI::App& app, TrainArguments& arguments) {
  CommonOptions& common = arguments.common;
  if (app.count("--seed") > 0) {
    common.set.push_back(fmt::format("seed={}", common.seed));
  }
  if (app.count("--dtype") > 0) {
    common.set.push_back(fmt::format("precision={}", common.dtype));
  }
  return read_config<TrainConfig>(find_config(arguments.config_name), common.set);
}

/// Ends with the result in `folder`, or without one after an interrupt.
int finish(RunRecord& record, const fs::path& folder, const TrainArguments& arguments) {
  if (interrupted()) {
    return interrupt_exit_code();
  }
  if (arguments.train.rank.rank == 0) {
    record.write(folder);
    if (arguments.common.json) {
      fmt::print("{}\n", record.to_json().dump());
    }
  }
  return 0;
}

/// --dry-run: what would be trained and what it takes, without reading a weight.
int report_plan(const TrainConfig& config, const TrainArguments& arguments) {
  const std::int64_t world = std::max(arguments.common.nproc, this_rank().world);
  const MemoryPlan plan = plan_memory(config, world);
  const Manifest manifest = read_manifest(config.data.manifest);
  log_info("{}: {} images to train on, {} held out", config.data.manifest.string(),
           filtered(manifest, config.data.where).records.size(), held_out_records(config).records.size());
  log_info(
      "{} trained parameters; each of {} process(es) holds weights {}, gradients {}, AdamW and EMA {}{}: {} "
      "beside the "
      "activations of {} images",
      plan.trained, world, format_gigabytes(plan.weights), format_gigabytes(plan.gradients),
      format_gigabytes(plan.optimizer), config.optimizer.shard && world > 1 ? " (its part)" : "",
      format_gigabytes(plan.total()),
      config.micro_batch_size.value_or((config.batch_size + world - 1) / world));
  log_info("{}: fine; nothing was written", arguments.config_name);
  return 0;
}

int train_as(const Rank& rank, const TrainConfig& config, TrainArguments& arguments) {
  TrainOptions& options = arguments.train;
  options.rank = rank;
  options.device = pick_device(arguments.common.device, rank.local_rank);
  if (arguments.common.dry_run) {
    return report_plan(config, arguments);
  }
  RunRecord record("medisyn train");
  record.config = config_to_json(config);
  record.add_input(config.data.manifest);
  record.metrics = train(config, options);
  return finish(record, options.out, arguments);
}

int cache_as(const Rank& rank, const TrainConfig& config, TrainArguments& arguments) {
  TrainOptions& options = arguments.train;
  options.rank = rank;
  options.device = pick_device(arguments.common.device, rank.local_rank);
  RunRecord record("medisyn cache");
  record.config = config_to_json(config);
  record.add_input(config.data.manifest);
  record.metrics = make_cache(config, options);
  const int code = finish(record, config.cache.folder.value_or(""), arguments);
  if (code == 0) {
    log_info("{}: {} images and their captions' embeddings are there", config.cache.folder->string(),
             record.metrics["images"].dump());
  }
  return code;
}

/// By torchrun, after a rank had failed.
bool was_restarted() {
  const char* count = std::getenv("TORCHELASTIC_RESTART_COUNT");
  return count != nullptr && std::string_view(count) != "0";
}

/// Error where a run would go on or begin in the wrong place, before any rank is started.
void check_out(const TrainArguments& arguments) {
  if (arguments.train.out.empty()) {
    fail("medisyn train: where to? Give --out DIR or the key out in {}", arguments.config_name);
  }
  const bool goes_on = arguments.train.resume || arguments.train.restarted;
  if (!goes_on && this_rank().rank == 0) {
    const OutputFolder folder(arguments.train.out);
  }
}

}  // namespace

int train_command(int argc, char** argv) {
  CLI::App app("Trains a VAE or a text-conditioned U-Net, on all GPUs of this machine");
  TrainArguments arguments;
  app.add_option("--config", arguments.config_name, "YAML of the training")->required()->type_name("FILE");
  app.add_flag("--resume", arguments.train.resume, "Go on from the newest checkpoint in --out");
  app.add_option("--dump-steps", arguments.train.dump_steps,
                 "Write what the first N steps saw and gave to steps/")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  add_common_options(app, arguments.common,
                     kTakesOut | kTakesSet | kTakesDevice | kTakesSeed | kTakesDryRun | kTakesNproc);
  const std::string command = typed_command(argc, argv);
  arguments.train.go_on = command.find(" --resume") == std::string::npos ? command + " --resume" : command;
  if (const auto code = parse_options(app, arguments.common, argc, argv)) {
    return *code;
  }
  const TrainConfig config = read_train_config(app, arguments);
  arguments.train.restarted = was_restarted();
  arguments.train.out = arguments.common.out.empty() ? config.out.value_or("") : arguments.common.out;
  check_out(arguments);
  return run_together(arguments.common, app, "train", argc, argv,
                      [&](const Rank& rank) { return train_as(rank, config, arguments); });
}

int cache_command(int argc, char** argv) {
  CLI::App app(
      "Encodes the images and captions of a training once, into the folder cache.folder of its config");
  TrainArguments arguments;
  app.add_option("--config", arguments.config_name, "YAML of the training")->required()->type_name("FILE");
  add_common_options(app, arguments.common, kTakesSet | kTakesDevice | kTakesSeed | kTakesNproc);
  arguments.train.go_on = typed_command(argc, argv);
  if (const auto code = parse_options(app, arguments.common, argc, argv)) {
    return *code;
  }
  const TrainConfig config = read_train_config(app, arguments);
  return run_together(arguments.common, app, "cache", argc, argv,
                      [&](const Rank& rank) { return cache_as(rank, config, arguments); });
}

}  // namespace medisyn
