#include "medisyn/pipeline/model_index.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/text/encoding.h"

namespace medisyn {
namespace {

// The first class of each is the one that is written.
const std::array<PipelineComponent, 5> kStableDiffusionParts{{
    {"scheduler", "diffusers", {}},
    {"text_encoder", "transformers", {"CLIPTextModel", "BertModel"}},
    {"tokenizer",
     "transformers",
     {"CLIPTokenizer", "CLIPTokenizerFast", "BertTokenizer", "BertTokenizerFast", "T5Tokenizer",
      "T5TokenizerFast"}},
    {"unet", "diffusers", {"UNet2DConditionModel"}},
    {"vae", "diffusers", {"AutoencoderKL"}},
}};

const std::array<PipelineComponent, 7> kStableDiffusionXLParts{{
    {"scheduler", "diffusers", {}},
    {"text_encoder", "transformers", {"CLIPTextModel"}},
    {"text_encoder_2", "transformers", {"CLIPTextModelWithProjection"}},
    {"tokenizer", "transformers", {"CLIPTokenizer", "CLIPTokenizerFast"}},
    {"tokenizer_2", "transformers", {"CLIPTokenizer", "CLIPTokenizerFast"}},
    {"unet", "diffusers", {"UNet2DConditionModel"}},
    {"vae", "diffusers", {"AutoencoderKL"}},
}};

bool is_known(const std::string& pipeline) {
  return pipeline == kStableDiffusion || pipeline == kStableDiffusionXL;
}

/// The class of `"unet": ["diffusers", "UNet2DConditionModel"]`; "" for `[null, null]` and for what is no
/// pair.
std::string class_of(const ConfigNode& entry) {
  const bool is_pair = entry.kind == ConfigNode::Kind::kList && entry.items.size() == 2;
  return is_pair && entry.items[1].is_scalar() ? entry.items[1].scalar : "";
}

void check(const PipelineComponent& component, const ConfigNode::Map& entries, const fs::path& file) {
  const auto entry = std::find_if(entries.begin(), entries.end(),
                                  [&](const auto& candidate) { return candidate.first == component.folder; });
  const std::vector<std::string>& classes = component.classes;
  if (entry == entries.end()) {
    fail("{}: expected the component \"{}\": [\"{}\", \"{}\"]", file.string(), component.folder,
         component.library, classes.empty() ? "PNDMScheduler" : classes.front());
  }
  const std::string found = class_of(entry->second);
  if (!classes.empty() && std::find(classes.begin(), classes.end(), found) == classes.end()) {
    entry->second.refuse(component.folder, fmt::format("a {}", fmt::join(classes, " or ")));
  }
}

}  // namespace

std::span<const PipelineComponent> pipeline_components(const std::string& pipeline) {
  if (!is_known(pipeline)) {
    fail("{}: no such pipeline; there are {} and {}", pipeline, kStableDiffusion, kStableDiffusionXL);
  }
  return pipeline == kStableDiffusion ? std::span<const PipelineComponent>(kStableDiffusionParts)
                                      : std::span<const PipelineComponent>(kStableDiffusionXLParts);
}

ModelIndex read_model_index(const fs::path& folder) {
  const fs::path file = folder / kModelIndex;
  const ConfigNode root = parse_config_file(file);
  ModelIndex index;
  for (const auto& [key, value] : root.map("")) {
    if (key == "_class_name" && value.is_scalar()) {
      index.pipeline = value.scalar;
    } else if (key == "force_zeros_for_empty_prompt") {
      index.force_zeros_for_empty_prompt = value.scalar == "true";
    } else if (const std::string name = class_of(value); !name.empty()) {
      index.classes[key] = name;
    }
  }
  if (!is_known(index.pipeline)) {
    fail("{}: _class_name: expected {} or {}, found {}", file.string(), kStableDiffusion, kStableDiffusionXL,
         index.pipeline.empty() ? "none" : index.pipeline);
  }
  const auto needed = pipeline_components(index.pipeline);
  for (const PipelineComponent& component : needed) {
    check(component, root.map(""), file);
  }
  std::erase_if(index.classes, [&](const auto& entry) {
    const bool is_needed = std::any_of(needed.begin(), needed.end(), [&](const PipelineComponent& component) {
      return component.folder == entry.first;
    });
    if (!is_needed) {
      index.unused.push_back(entry.first);
    }
    return !is_needed;
  });
  return index;
}

void write_model_index(const fs::path& folder, const ModelIndex& index) {
  Json json = Json::object();
  json["_class_name"] = index.pipeline;
  json["_diffusers_version"] = "0.30.0";
  const Json none = Json::array({nullptr, nullptr});
  json["feature_extractor"] = none;
  json["image_encoder"] = none;
  if (index.pipeline == kStableDiffusion) {
    json["requires_safety_checker"] = false;
    json["safety_checker"] = none;
  } else {
    json["force_zeros_for_empty_prompt"] = index.force_zeros_for_empty_prompt;
  }
  for (const PipelineComponent& component : pipeline_components(index.pipeline)) {
    json[component.folder] = Json::array({component.library, index.classes.at(component.folder)});
  }
  write_file(folder / kModelIndex, json.dump(2) + "\n");
}

std::optional<fs::path> latest_of_run(const fs::path& run) {
  const fs::path latest = run / "latest";
  if (fs::is_directory(latest)) {
    return fs::canonical(latest);
  }
  if (!fs::is_regular_file(latest)) {
    return std::nullopt;
  }
  std::string name = read_file(latest);
  name.erase(name.find_last_not_of(" \t\r\n") + 1);
  if (name.empty() || !fs::is_directory(run / name)) {
    fail("{}: names \"{}\", which is no folder of this run", latest.string(), beginning(name, 80));
  }
  return run / name;
}

fs::path resolve_model_folder(const fs::path& folder) {
  if (!fs::is_directory(folder)) {
    fail("{}: no such folder; expected a model folder or a training run", folder.string());
  }
  if (fs::exists(folder / kModelIndex)) {
    return folder;
  }
  const std::optional<fs::path> checkpoint = latest_of_run(folder);
  if (!checkpoint) {
    fail("{}: expected a model folder (with {}) or a training run (with latest), found neither",
         folder.string(), kModelIndex);
  }
  if (!fs::exists(*checkpoint / kModelIndex)) {
    fail("{}: holds no {}; a run of a VAE alone cannot draw images", checkpoint->string(), kModelIndex);
  }
  return *checkpoint;
}

std::string model_sha256(const fs::path& path) {
  const fs::path folder = resolve_model_folder(path);
  std::vector<std::string> lines{fmt::format("{} {}", kModelIndex, sha256_file(folder / kModelIndex))};
  for (const PipelineComponent& component : pipeline_components(read_model_index(folder).pipeline)) {
    for (const auto& entry : fs::recursive_directory_iterator(folder / component.folder)) {
      if (entry.is_regular_file()) {
        lines.push_back(fmt::format("{} {}", fs::relative(entry.path(), folder).generic_string(),
                                    sha256_file(entry.path())));
      }
    }
  }
  std::sort(lines.begin(), lines.end());
  return sha256_hex(fmt::format("{}\n", fmt::join(lines, "\n")));
}

}  // namespace medisyn
