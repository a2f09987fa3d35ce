#include "medisyn/train/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <vector>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"

namespace medisyn {
namespace {

constexpr const char* kState = "training_state.safetensors";

/// "step-120" -> 120, -1 for any other name.
std::int64_t step_of(const fs::path& folder) {
  const std::string name = folder.filename().string();
  constexpr std::string_view kPrefix = "step-";
  if (!name.starts_with(kPrefix)) {
    return -1;
  }
  return parse_number<std::int64_t>(std::string_view(name).substr(kPrefix.size())).value_or(-1);
}

/// Complete checkpoints, oldest first.
std::vector<fs::path> checkpoints_of(const fs::path& run) {
  std::vector<fs::path> found;
  if (fs::is_directory(run / "checkpoints")) {
    for (const auto& entry : fs::directory_iterator(run / "checkpoints")) {
      if (step_of(entry.path()) >= 0 && fs::exists(entry.path() / "COMPLETE")) {
        found.push_back(entry.path());
      }
    }
  }
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return step_of(a) < step_of(b); });
  return found;
}

void write_into(const fs::path& folder, const Objective& objective, ParameterStore& store,
                const Json& config) {
  write_safetensors(folder / kState, store.state(),
                    {{"step", std::to_string(store.step())}, {"config", config.dump()}});
  const WithEma ema(store);
  objective.save(folder);
}

void compare(const std::string& path, const Json& before, const Json& after,
             std::vector<std::string>& differences) {
  if (!before.is_object() || !after.is_object()) {
    if (before != after) {
      differences.push_back(fmt::format("{}: {} -> {}", path, before.dump(), after.dump()));
    }
    return;
  }
  Json keys = before;
  keys.update(after);
  for (const auto& [key, value] : keys.items()) {
    const Json missing = nullptr;
    compare(path.empty() ? key : path + "." + key, before.contains(key) ? before[key] : missing,
            after.contains(key) ? after[key] : missing, differences);
  }
}

}  // namespace

void save_checkpoint(const fs::path& run, const Objective& objective, ParameterStore& store,
                     const Json& config, std::int64_t keep) {
  const std::string name = fmt::format("step-{}", store.step());
  const fs::path target = run / "checkpoints" / name;
  if (!fs::exists(target / "COMPLETE")) {
    fs::remove_all(target);
    TemporaryFolder temporary(target);
    write_into(temporary.path(), objective, store, config);
    write_file(temporary.path() / "COMPLETE", "");
    temporary.commit();
  }
  write_file(run / "latest", "checkpoints/" + name + "\n");
  std::vector<fs::path> old = checkpoints_of(run);
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < old.size(); ++i) {
    fs::remove_all(old[i]);
  }
}

fs::path newest_checkpoint(const fs::path& run) {
  const std::vector<fs::path> found = checkpoints_of(run);
  if (found.empty()) {
    fail("--resume: {} holds no complete checkpoint: start without --resume in a new folder", run.string());
  }
  return found.back();
}

void load_checkpoint(const fs::path& checkpoint, ParameterStore& store, const Json& config) {
  const Safetensors state(checkpoint / kState);
  const auto& metadata = state.metadata();
  if (!metadata.contains("step") || !metadata.contains("config")) {
    fail("{}: not a training state of medisyn", (checkpoint / kState).string());
  }
  const std::string difference = config_difference(Json::parse(metadata.at("config")), config);
  if (!difference.empty()) {
    fail("--resume: the config is another than that of {}: {}", checkpoint.string(), difference);
  }
  store.load_state(state, std::stoll(metadata.at("step")));
}

std::string config_difference(const Json& before, const Json& after) {
  std::vector<std::string> differences;
  compare("", before, after, differences);
  const auto may_differ = [](const std::string& line) {
    for (const char* key : {"out:", "max_steps:", "log_every_steps:", "validate_every_steps:",
                            "save_every_steps:", "keep_checkpoints:"}) {
      if (line.starts_with(key)) {
        return true;
      }
    }
    return false;
  };
  std::erase_if(differences, may_differ);
  return fmt::format("{}", fmt::join(differences, "; "));
}

}  // namespace medisyn
