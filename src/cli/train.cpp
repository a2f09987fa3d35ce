#include <optional>

#include "medisyn/cli/commands.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/dist/device.h"
#include "medisyn/train/trainer.h"

namespace medisyn {
namespace {

/// The command as it was typed, with --resume: what goes on after an interrupt.
std::string resume_command(int argc, char** argv) {
  std::string command = argv[0];
  for (int i = 1; i < argc; ++i) {
    command += std::string(" ") + argv[i];
  }
  return command.find(" --resume") == std::string::npos ? command + " --resume" : command;
}

}  // namespace

int train_command(int argc, char** argv) {
  CLI::App app("Trains a VAE or a text-conditioned U-Net");
  std::string config_name;
  TrainOptions train_options;
  CommonOptions options;
  app.add_option("--config", config_name, "YAML of the training")->required()->type_name("FILE");
  app.add_flag("--resume", train_options.resume, "Go on from the newest checkpoint in --out");
  app.add_option("--dump-steps", train_options.dump_steps,
                 "Write what the first N steps saw and gave to steps/")
      ->check(CLI::NonNegativeNumber)
      ->type_name("N");
  add_common_options(app, options, kTakesOut | kTakesSet | kTakesDevice | kTakesSeed | kTakesDryRun);
  const std::string go_on = resume_command(argc, argv);
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  const fs::path file = find_config(config_name);
  if (app.count("--seed") > 0) {
    options.set.push_back(fmt::format("seed={}", options.seed));
  }
  if (app.count("--dtype") > 0) {
    options.set.push_back(fmt::format("precision={}", options.dtype));
  }
  const auto config = read_config<TrainConfig>(file, options.set);
  train_options.out = options.out.empty() ? config.out.value_or("") : options.out;
  if (train_options.out.empty()) {
    fail("medisyn train: where to? Give --out DIR or the key out in {}", file.string());
  }
  train_options.device = pick_device(options.device);
  train_options.go_on = go_on;
  if (options.dry_run) {
    log_info("{}: fine; nothing was written", file.string());
    return 0;
  }
  std::optional<OutputFolder> folder;
  if (!train_options.resume) {
    folder.emplace(train_options.out);
  }
  RunRecord record("medisyn train");
  record.config = config_to_json(config);
  record.add_input(config.data.manifest);
  record.metrics = train(config, train_options);
  if (interrupted()) {
    return interrupt_exit_code();
  }
  record.write(train_options.out);
  if (options.json) {
    fmt::print("{}\n", record.to_json().dump());
  }
  return 0;
}

}  // namespace medisyn
