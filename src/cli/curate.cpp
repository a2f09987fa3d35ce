// medisyn curate: repositories of volumes and pictures -> images and manifest.
#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <thread>

#include "medisyn/cli/commands.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/curate/curate.h"
#include "medisyn/dist/communicator.h"
#include "medisyn/dist/ranks.h"

namespace medisyn {
namespace {

std::int64_t count_in(const Json& row, const char* split) {
  return row.contains(split) ? row[split].get<std::int64_t>() : 0;
}

void print_table(const Json& metrics, const fs::path& out) {
  log_info("{:14} {:>7} {:>11} {:>7}", "image type", "train", "validation", "test");
  for (const auto& [type, row] : metrics["by_image_type"].items()) {
    log_info("{:14} {:>7} {:>11} {:>7}", type, count_in(row, "train"), count_in(row, "validation"),
             count_in(row, "test"));
  }
  log_info("{} images, {} captions, {} patients, in {}", metrics["images"].get<std::int64_t>(),
           metrics["captions"].get<std::int64_t>(), metrics["patients"].get<std::int64_t>(), out.string());
  for (const auto& [reason, count] : metrics["skipped"].items()) {
    log_info("left out: {} {}", count.get<std::int64_t>(), reason);
  }
  const auto shared = metrics["patients_on_both_sides"].get<std::vector<std::string>>();
  if (!shared.empty()) {
    log_info("held out by region or frame, the subject also being in training: {}", fmt::join(shared, ", "));
  }
}

/// Ranks of one job share the files and wait for the slowest: for days if need be.
constexpr std::chrono::hours kLongestWait{24 * 14};

std::int64_t thread_count(const CommonOptions& options) {
  return options.threads > 0 ? options.threads : std::max(1U, std::thread::hardware_concurrency());
}

/// False when it was interrupted.
bool curate_as(const Rank& rank, const CurateConfig& config, const fs::path& out, std::int64_t threads,
               RunRecord& record) {
  Communicator ranks(rank, torch::kCPU, kLongestWait);
  try {
    curate(config, out, ranks, threads, record);
  } catch (const CurateInterrupted&) {
    return false;
  } catch (const std::exception& error) {
    ranks.fail_all(error);
    throw;
  }
  return true;
}

}  // namespace

int curate_command(int argc, char** argv) {
  CLI::App app(
      "Reads repositories of pictures, volumes, videos and slides, writes images and a manifest "
      "(metadata.jsonl). "
      "A second run goes on, or reads what is new.");
  CommonOptions options;
  fs::path config_file;
  app.add_option("--config", config_file, "YAML that lists the repositories")->required()->type_name("FILE");
  add_common_options(app, options, kTakesOut | kTakesSet | kTakesDryRun);
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  at::set_num_threads(1);  // every thread has a file of its own
  RunRecord record("medisyn curate");
  config_file = find_config(config_file);
  CurateConfig config = read_config<CurateConfig>(config_file, options.set);
  check_curate_config(config);
  const fs::path out = options.out.empty() ? config.out.value_or("") : options.out;
  if (out.empty()) {
    fail("medisyn curate: expected --out DIR, or the key out in {}", config_file.string());
  }
  if (options.dry_run) {
    log_info("{}: {} repositories, nothing wrong found; nothing was read or written", config_file.string(),
             config.repositories.size());
    return 0;
  }
  const Rank rank = this_rank();
  if (is_launched_rank()) {
    end_with_launcher();
  }
  set_quiet(options.quiet || rank.rank != 0);  // the others would say the same
  if (!curate_as(rank, config, out, thread_count(options), record)) {
    log_warning("interrupted: what was made is kept in {}; the same command goes on", out.string());
    return interrupt_exit_code();
  }
  if (rank.rank != 0) {
    return 0;
  }
  print_table(record.metrics, out);
  if (options.json) {
    fmt::print("{}\n", record.to_json().dump());
  }
  return 0;
}

}  // namespace medisyn
