#include "classify_grid.h"

#include <algorithm>
#include <optional>

#include "classify_pools.h"
#include "medisyn/core/progress.h"
#include "medisyn/eval/classify/run_log.h"
#include "medisyn/eval/classify/tables.h"
#include "medisyn/report/table.h"

namespace medisyn {
namespace {

std::string subsets_text(const GridData& data, const ClassifyConfig& config) {
  const GridTable table = subsets_table(data, config);
  return text_table(table.header, table.rows);
}

std::int64_t missing_count(const ClassifyGrid& grid) {
  std::int64_t count = 0;
  for (const auto& pool : grid.missing) {
    count += std::ssize(pool);
  }
  return count;
}

/// What all runs take.
Json cost_of(const ClassifyGrid& grid) {
  std::int64_t steps = 0, trained = 0, scored = 0;
  for (const GridRun& run : grid.runs) {
    const std::int64_t batch = run.classifier.batch_size;
    const std::int64_t an_epoch = (run.images + batch - 1) / batch;
    const std::int64_t every = run.classifier.validate_every_steps.value_or(an_epoch);
    steps += run.steps;
    trained += run.steps / an_epoch * run.images + run.steps % an_epoch * batch;
    scored += (run.steps + every - 1) / every * std::ssize(grid.data.validation) + std::ssize(grid.data.test);
  }
  return {{"runs", grid.runs.size()},
          {"steps", steps},
          {"trained_images", trained},
          {"scored_images", scored},
          {"images_to_draw", missing_count(grid)}};
}

/// The images a second that finished runs of this grid reached, or nothing.
std::optional<double> measured_speed(const fs::path& out) {
  std::vector<double> speeds;
  const RunLog log = out.empty() ? RunLog() : read_run_log(out / "runs.jsonl");
  for (const JsonLine& line : log.lines) {
    speeds.push_back(line.value.value("images_per_second", 0.0));
  }
  std::sort(speeds.begin(), speeds.end());
  return speeds.empty() || speeds[speeds.size() / 2] <= 0 ? std::nullopt
                                                          : std::optional(speeds[speeds.size() / 2]);
}

}  // namespace

void report_classify_plan(const ClassifyGrid& grid, const CommonOptions& common) {
  const Json cost = cost_of(grid);
  if (common.json) {
    fmt::print("{}\n", cost.dump());
    return;
  }
  const auto count = [&](const char* key) { return cost.at(key).get<std::int64_t>(); };
  const Cohorts& cohorts = grid.data.cohorts;
  fmt::print(
      "{} training, {} validation, {} test images ({} of other labels or captions and {} of no class "
      "left out)\n\n{}\n",
      cohorts.train.targets.size(), cohorts.validation.targets.size(), cohorts.test.targets.size(),
      cohorts.left_out, cohorts.no_class, subsets_text(grid.data, grid.config));
  fmt::print(
      "{} runs: {} sources, {} fractions, {} seeds. Synthetic images have the same classes; {} of them are "
      "to be drawn first.\nCost: {} steps, {} images through forward and backward, {} to score",
      count("runs"), grid.config.sources.size(), grid.config.subsets.fractions.size(),
      grid.config.seeds.size(), count("images_to_draw"), count("steps"), count("trained_images"),
      count("scored_images"));
  if (const auto speed = measured_speed(common.out)) {
    fmt::print("; at the {:.0f} images/s of the finished runs {} of training", *speed,
               format_duration(cost.at("trained_images").get<double>() / *speed));
  }
  fmt::print("\n{}\nDry run: nothing was written\n", leak_line(grid.data.leaks));
}

ClassifyGrid open_classify_grid(const ClassifyConfig& config) {
  ClassifyGrid grid{.config = config, .data = open_grid(config), .runs = {}, .missing = {}};
  check_generators(grid.data, config);
  check_parts(grid.data, config);
  open_pools(grid.data, config);
  grid.missing = all_missing_images(grid.data, config);
  require_models(grid.data, grid.missing, config);
  grid.runs = plan_runs(grid.data, config);
  return grid;
}

void write_classify_subsets(const GridData& data, const ClassifyConfig& config, const fs::path& folder) {
  const OutputFolder claimed(folder);
  for (const GridPart& part : data.parts) {
    const std::string seed = config.subsets.per_seed ? fmt::format("-seed{}", part.seed) : "";
    write_manifest_file(folder / fmt::format("{}{}.jsonl", part.fraction, seed), part_manifest(data, part));
  }
  fmt::print("{}: {} manifests\n\n{}", folder.string(), data.parts.size(), subsets_text(data, config));
}

}  // namespace medisyn
