#include "classify_folder.h"

#include "medisyn/core/error.h"
#include "medisyn/core/log.h"
#include "medisyn/eval/classify/run_log.h"
#include "medisyn/train/checkpoint.h"

namespace medisyn {
namespace {

/// Without what changes no result.
Json compared(ClassifyConfig config) {
  config.title.clear();
  config.classifier.workers = 0;
  config.classifier.cache_gib = 0;
  return config_to_json(config);
}

/// True when the folder holds this grid. Error when it holds another one.
bool holds_grid(const fs::path& folder, const ClassifyConfig& config) {
  const fs::path file = folder / "config.yaml";
  if (!is_file(file)) {
    return false;
  }
  const std::string difference =
      config_difference(compared(read_config<ClassifyConfig>(file)), compared(config));
  if (!difference.empty()) {
    fail("{}: holds another grid ({}): choose another --out", folder.string(), difference);
  }
  return true;
}

}  // namespace

ClassifyFolder::ClassifyFolder(fs::path folder, const ClassifyConfig& config) : folder_(std::move(folder)) {
  if (holds_grid(folder_, config)) {
    return;
  }
  try {
    const OutputFolder claimed(folder_);
    write_config_yaml(folder_ / "config.yaml", config);
  } catch (const Error&) {
    if (!holds_grid(folder_, config)) {  // else another rank was faster
      throw;
    }
  }
}

std::map<std::string, RunResult> ClassifyFolder::finished(const std::vector<GridRun>& runs,
                                                          const RunKeys& keys,
                                                          const std::vector<std::string>& classes) const {
  std::map<std::string, RunResult> lines;
  const RunLog log = read_run_log(log_file());
  if (log.is_torn) {
    log_warning("{}: its last line is not whole: that run is made again", log_file().string());
  }
  for (const JsonLine& line : log.lines) {
    const std::string where = fmt::format("{}:{}", log_file().string(), line.line);
    RunResult result = run_result_from_json(line.value, classes, where);
    lines[result.run] = std::move(result);
  }
  std::map<std::string, RunResult> found;
  for (const GridRun& run : runs) {
    const auto line = lines.find(run.name);
    if (line == lines.end() || !is_file(predictions_file(run.name))) {
      continue;
    }
    if (line->second.key != keys.key_of(run)) {
      fail("{}: run {} was made on other images or with another config: choose another --out",
           log_file().string(), run.name);
    }
    found.insert(*line);
  }
  return found;
}

}  // namespace medisyn
