#include "medisyn/models/weights.h"

#include <array>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/torch_file.h"

namespace medisyn {
namespace {

constexpr std::string_view kSafetensors = ".safetensors";
constexpr std::string_view kIndex = ".safetensors.index.json";

/// Shard -> the names that the index says it holds.
std::map<std::string, std::set<std::string>> read_index(const fs::path& file) {
  const auto json = nlohmann::json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("weight_map") || !json["weight_map"].is_object()) {
    fail("{}: expected {{\"weight_map\": {{\"parameter\": \"shard.safetensors\", ...}}}}", file.string());
  }
  std::map<std::string, std::set<std::string>> shards;
  for (const auto& [name, shard] : json["weight_map"].items()) {
    if (!shard.is_string() || fs::path(shard.get<std::string>()).filename() != shard.get<std::string>()) {
      fail("{}: {}: expected the name of a file beside it, found {}", file.string(), name, shard.dump());
    }
    shards[shard.get<std::string>()].insert(name);
  }
  return shards;
}

TensorMap read_shards(const fs::path& file) {
  TensorMap tensors;
  for (const auto& [shard, names] : read_index(file)) {
    const Safetensors part(file.parent_path() / shard);
    for (const std::string& name : names) {
      tensors[name] = part.tensor(name);
    }
  }
  return tensors;
}

}  // namespace

TensorMap read_weights(const fs::path& file) {
  const std::string name = file.filename().string();
  if (name.ends_with(kIndex)) {
    return read_shards(file);
  }
  if (name.ends_with(kSafetensors)) {
    return Safetensors(file).all();
  }
  for (const char* extension : {".bin", ".pt", ".pth", ".ckpt"}) {
    if (name.ends_with(extension)) {
      return read_torch_file(file);
    }
  }
  fail("{}: expected weights: .safetensors, its .index.json, .bin, .pt, .pth or .ckpt", file.string());
}

std::vector<fs::path> weights_files(const fs::path& file) {
  if (!file.filename().string().ends_with(kIndex)) {
    return {file};
  }
  std::vector<fs::path> files;
  for (const auto& [shard, names] : read_index(file)) {
    files.push_back(file.parent_path() / shard);
  }
  return files;
}

std::optional<fs::path> locate_weights(const fs::path& folder, const std::string& name) {
  const std::string stem = name.substr(0, name.size() - kSafetensors.size());
  const std::string pytorch = stem == "model" ? "pytorch_model.bin" : stem + ".bin";
  for (const std::string& candidate :
       {name, stem + std::string(kIndex), stem + ".fp16" + std::string(kSafetensors), pytorch}) {
    if (fs::is_regular_file(folder / candidate)) {
      return folder / candidate;
    }
  }
  return std::nullopt;
}

fs::path find_weights(const fs::path& folder, const std::string& name) {
  if (const auto found = locate_weights(folder, name)) {
    return *found;
  }
  fail("{}: no such file: a model folder holds config.json and {}", (folder / name).string(), name);
}

}  // namespace medisyn
