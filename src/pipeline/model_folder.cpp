#include "medisyn/pipeline/model_folder.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/diffusion/scheduler_config.h"

namespace medisyn {
namespace {

constexpr const char* kSchedulerFile = "scheduler_config.json";

bool is_tokenizer(std::string_view component) { return component.starts_with("tokenizer"); }
bool is_scheduler(std::string_view component) { return component == "scheduler"; }

const PipelineComponent& known_component(const std::string& pipeline, const std::string& name,
                                         const ConfigNode& node) {
  const auto all = pipeline_components(pipeline);
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const PipelineComponent& one) { return name == one.folder; });
  if (found == all.end() || is_tokenizer(name)) {
    std::vector<std::string> names{"pipeline"};
    for (const PipelineComponent& one : all) {
      if (!is_tokenizer(one.folder)) {
        names.emplace_back(one.folder);
      }
    }
    const std::string near = nearest_word(name, names);
    fail("{}: unknown key {}{}; {} has {}", node.where(), name,
         near.empty() ? "" : fmt::format(" (did you mean {}?)", near), pipeline, fmt::join(names, ", "));
  }
  return *found;
}

std::string pipeline_of(const ConfigNode& root, const fs::path& file) {
  for (const auto& [key, value] : root.map("")) {
    if (key == "pipeline") {
      return value.scalar;
    }
  }
  fail("{}: expected the key pipeline: {} or {}", file.string(), kStableDiffusion, kStableDiffusionXL);
}

/// The class that a component's config names, or the pipeline's own.
std::string class_in(const PipelineComponent& component, const ConfigNode& config) {
  const std::string named = named_class(config);
  const std::vector<std::string>& classes = component.classes;
  if (named.empty()) {
    return classes.front();
  }
  if (std::find(classes.begin(), classes.end(), named) == classes.end()) {
    config.refuse(component.folder, fmt::format("a {}", fmt::join(classes, " or ")));
  }
  return named;
}

template <class ReadComponent>
ModelFolder read_parts(const fs::path& path, const ReadComponent& read) {
  const fs::path folder = resolve_model_folder(path);
  ModelFolder model;
  model.index = read_model_index(folder);
  for (const PipelineComponent& component : pipeline_components(model.index.pipeline)) {
    const std::string name = component.folder;
    if (is_tokenizer(name)) {
      model.tokenizers.emplace(name, Tokenizer::load(folder / name));
    } else if (is_scheduler(name)) {
      model.scheduler = read_file(folder / name / kSchedulerFile);
    } else {
      model.components.emplace(name, read(folder / name));
    }
  }
  return model;
}

}  // namespace

ModelFolder read_model_folder(const fs::path& folder, std::optional<torch::ScalarType> dtype) {
  return read_parts(folder, [&](const fs::path& component) { return read_component(component, dtype); });
}

ModelFolder read_model_frame(const fs::path& folder) {
  return read_parts(folder, [](const fs::path& component) { return read_empty_component(component); });
}

void write_model_folder(const fs::path& folder, const ModelFolder& model) {
  require_absent(folder);
  TemporaryFolder temporary(folder);
  for (const auto& [name, component] : model.components) {
    write_component(temporary.path() / name, component);
  }
  for (const auto& [name, tokenizer] : model.tokenizers) {
    tokenizer.save(temporary.path() / name);
  }
  fs::create_directories(temporary.path() / "scheduler");
  write_file(temporary.path() / "scheduler" / kSchedulerFile, model.scheduler);
  write_model_index(temporary.path(), model.index);
  temporary.commit();
}

ModelDescription read_model_description(const fs::path& file, const std::vector<std::string>& overrides) {
  ConfigNode root = parse_config_file(file);
  for (const std::string& text : overrides) {
    apply_override(root, text);
  }
  ModelDescription description;
  description.pipeline = pipeline_of(root, file);
  for (const auto& [name, node] : root.map("")) {
    if (name == "pipeline") {
      continue;
    }
    const PipelineComponent& component = known_component(description.pipeline, name, node);
    node.map(name);
    if (is_scheduler(name)) {
      const auto config = config_from_node<SchedulerConfig>(node);
      config.check();
      description.scheduler = scheduler_to_json(config);
      description.classes[name] = config.class_name;
    } else {
      description.classes[name] = class_in(component, node);
      description.components[name] = node;
    }
  }
  for (const PipelineComponent& component : pipeline_components(description.pipeline)) {
    if (!is_tokenizer(component.folder) && !description.classes.contains(component.folder)) {
      fail("{}: expected the key {}, a {}", file.string(), component.folder,
           component.classes.empty() ? "scheduler" : component.classes.front());
    }
  }
  return description;
}

ModelFolder empty_model_folder(const ModelDescription& description, const Tokenizer& tokenizer) {
  ModelFolder model;
  model.index.pipeline = description.pipeline;
  model.index.classes = description.classes;
  model.scheduler = description.scheduler.dump(2) + "\n";
  model.tokenizers.emplace("tokenizer", tokenizer);
  if (description.pipeline == kStableDiffusionXL) {
    model.tokenizers.emplace("tokenizer_2", tokenizer.with_pad_token("!"));
  }
  for (const auto& [name, one] : model.tokenizers) {
    model.index.classes[name] = one.class_name();
  }
  return model;
}

Tokenizer read_tokenizer(const fs::path& path, std::int64_t model_max_length) {
  return fs::is_directory(path) ? Tokenizer::load(path) : ClipTokenizer::from_merges(path, model_max_length);
}

}  // namespace medisyn
