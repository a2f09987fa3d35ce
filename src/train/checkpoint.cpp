#include "medisyn/train/checkpoint.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <optional>
#include <set>
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

void write_state(const fs::path& folder, const Objective& objective, TensorMap state,
                 const ParameterStore& store, const Json& config) {
  state["sample_hashes"] = torch::tensor(objective.sample_hashes);
  write_safetensors(folder / kState, state,
                    {{"step", std::to_string(store.step())},
                     {"updates", std::to_string(store.updates())},
                     {"layout", store.layout()},
                     {"config", config.dump()}});
}

/// All ranks take part, the first one writes.
void write_checkpoint(const fs::path& target, const Objective& objective, ParameterStore& store,
                      const Json& config, bool is_first) {
  const TensorMap state = store.state();
  std::optional<TemporaryFolder> temporary;
  if (is_first) {
    fs::remove_all(target);
    temporary.emplace(target);
    write_state(temporary->path(), objective, state, store, config);
  }
  const WithEma ema(store);
  if (is_first) {
    objective.save(temporary->path());
    write_file(temporary->path() / "COMPLETE", "");
    temporary->commit();
  }
}

/// Keys that a resumed run may give other values.
constexpr std::array kMayDiffer{"out",
                                "epochs",
                                "max_steps",
                                "log_every_steps",
                                "validate_every_steps",
                                "save_every_steps",
                                "save_every_minutes",
                                "keep_checkpoints",
                                "max_bad_steps",
                                "data.workers",
                                "optimizer.shard",
                                "preview"};

bool may_differ(const std::string& line) {
  return std::any_of(kMayDiffer.begin(), kMayDiffer.end(), [&](std::string_view key) {
    return line.starts_with(key) && line.find_first_of(":.", key.size()) == key.size();
  });
}

/// "8 images, now 9: 1 new (image8)", "" when nothing differs.
std::string data_difference(const torch::Tensor& before, const Objective& objective) {
  const auto* first = before.data_ptr<std::int64_t>();
  std::multiset<std::int64_t> gone(first, first + before.numel());
  std::vector<std::string> added;
  for (std::size_t i = 0; i < objective.sample_hashes.size(); ++i) {
    const auto found = gone.find(objective.sample_hashes[i]);
    if (found == gone.end()) {
      added.push_back(objective.sample_ids[i]);
    } else {
      gone.erase(found);
    }
  }
  if (added.empty() && gone.empty()) {
    const bool same_order = std::equal(first, first + before.numel(), objective.sample_hashes.begin(),
                                       objective.sample_hashes.end());
    return same_order ? "" : "the same images in another order";
  }
  const std::size_t count = added.size();
  added.resize(std::min<std::size_t>(count, 3));
  return fmt::format(
      "{} images, now {}: {} are gone or changed, {} are new or changed{}", before.numel(),
      objective.sample_hashes.size(), gone.size(), count,
      count > 0 ? fmt::format(" ({}{})", fmt::join(added, ", "), count > 3 ? ", ..." : "") : "");
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
                     const Json& config, std::int64_t keep, const Communicator& ranks) {
  const std::string name = fmt::format("step-{}", store.step());
  const fs::path target = run / "checkpoints" / name;
  if (!fs::exists(target / "COMPLETE")) {
    try {
      write_checkpoint(target, objective, store, config, ranks.is_first());
    } catch (const Error& error) {
      const std::vector<Checkpoint> whole = complete_checkpoints(run);
      fail("step {} cannot be saved: {}; {}", store.step(), error.what(),
           whole.empty()
               ? "nothing was saved before"
               : fmt::format("{} is whole: go on from it with --resume", whole.back().folder.string()));
    }
  }
  if (!ranks.is_first()) {
    return;
  }
  write_file(run / "latest", fmt::format("checkpoints/{}\n", name));
  const std::vector<Checkpoint> old = complete_checkpoints(run);
  for (std::size_t i = 0; i + static_cast<std::size_t>(keep) < old.size(); ++i) {
    fs::remove_all(old[i].folder);
  }
}

std::vector<Checkpoint> complete_checkpoints(const fs::path& run) {
  std::vector<Checkpoint> found;
  if (fs::is_directory(run / "checkpoints")) {
    for (const auto& entry : fs::directory_iterator(run / "checkpoints")) {
      const std::int64_t step = step_of(entry.path());
      if (step >= 0 && fs::exists(entry.path() / "COMPLETE")) {
        found.push_back({.folder = entry.path(), .step = step});
      }
    }
  }
  std::ranges::sort(found, {}, &Checkpoint::step);
  return found;
}

bool has_checkpoint(const fs::path& run) { return !complete_checkpoints(run).empty(); }

fs::path newest_checkpoint(const fs::path& run) {
  const std::vector<Checkpoint> found = complete_checkpoints(run);
  if (found.empty()) {
    fail("--resume: {} holds no complete checkpoint: start without --resume in a new folder", run.string());
  }
  return found.back().folder;
}

void load_checkpoint(const fs::path& checkpoint, const Objective& objective, ParameterStore& store,
                     const Json& config) {
  const Safetensors state(checkpoint / kState);
  const auto& metadata = state.metadata();
  const bool is_state = state.contains("sample_hashes") && metadata.contains("step") &&
                        metadata.contains("updates") && metadata.contains("config") &&
                        metadata.contains("layout");
  if (!is_state) {
    fail("{}: not a training state of this version of medisyn", (checkpoint / kState).string());
  }
  const std::string difference = config_difference(Json::parse(metadata.at("config")), config);
  if (!difference.empty()) {
    fail("--resume: the config is another than that of {}: {}", checkpoint.string(), difference);
  }
  if (metadata.at("layout") != store.layout()) {
    fail(
        "--resume: {} holds {} weights, and these are {}: go on on the same kind of device, or set "
        "channels_last",
        checkpoint.string(), metadata.at("layout"), store.layout());
  }
  const std::string data = data_difference(state.tensor("sample_hashes"), objective);
  if (!data.empty()) {
    fail("--resume: the training images are others than those of {}: {}", checkpoint.string(), data);
  }
  store.load_state(state, std::stoll(metadata.at("step")), std::stoll(metadata.at("updates")));
}

std::string config_difference(const Json& before, const Json& after) {
  std::vector<std::string> differences;
  compare("", before, after, differences);
  std::erase_if(differences, may_differ);
  return fmt::format("{}", fmt::join(differences, "; "));
}

}  // namespace medisyn
