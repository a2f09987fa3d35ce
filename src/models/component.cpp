#include "medisyn/models/component.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/models/init.h"

namespace medisyn {
namespace {

constexpr const char* kConfigFile = "config.json";

template <class Model>
Component make(const std::string& class_name, const ConfigNode& node) {
  Model model(config_from_node<typename Model::ContainedType::Config>(node));
  model->eval();
  return component_of(class_name, model);
}

struct ComponentClass {
  const char* name;
  Component (*make)(const std::string&, const ConfigNode&);
};

constexpr std::array<ComponentClass, 5> kClasses{{
    {"UNet2DConditionModel", make<UNet2DConditionModel>},
    {"AutoencoderKL", make<AutoencoderKL>},
    {"CLIPTextModel", make<CLIPTextModel>},
    {"CLIPTextModelWithProjection", make<CLIPTextModelWithProjection>},
    {"BertModel", make<BertModel>},
}};

Component make_component(const std::string& class_name, const ConfigNode& config) {
  for (const ComponentClass& candidate : kClasses) {
    if (class_name == candidate.name) {
      return candidate.make(class_name, config);
    }
  }
  fail("{}: no such class; there are {}", class_name, fmt::join(component_classes(), ", "));
}

/// The class that a config.json names. Error when it is not among component_classes().
std::string known_class(const ConfigNode& config, const fs::path& file) {
  const std::string name = named_class(config);
  const std::vector<std::string> known = component_classes();
  if (std::find(known.begin(), known.end(), name) == known.end()) {
    fail("{}: _class_name or architectures: expected one of {}, found {}", file.string(),
         fmt::join(known, ", "), name.empty() ? "none" : name);
  }
  return name;
}

}  // namespace

std::vector<std::string> component_classes() {
  std::vector<std::string> names;
  for (const ComponentClass& one : kClasses) {
    names.emplace_back(one.name);
  }
  return names;
}

std::string named_class(const ConfigNode& config) {
  for (const auto& [key, value] : config.map("")) {
    if (key == "_class_name" && value.is_scalar()) {
      return value.scalar;
    }
    if (key == "architectures" && value.kind == ConfigNode::Kind::kList && value.items.size() == 1) {
      return value.items.front().scalar;
    }
  }
  return "";
}

std::string component_class(const fs::path& folder) {
  const fs::path file = folder / kConfigFile;
  return known_class(parse_config_file(file), file);
}

Component empty_component(const std::string& class_name, const ConfigNode& config) {
  const UninitialisedParameters guard;
  return make_component(class_name, config);
}

Component random_component(const std::string& class_name, const ConfigNode& config, std::uint64_t seed) {
  torch::manual_seed(seed);
  return make_component(class_name, config);
}

Component read_empty_component(const fs::path& folder) {
  const fs::path file = folder / kConfigFile;
  const ConfigNode config = parse_config_file(file);
  return empty_component(known_class(config, file), config);
}

Component read_component(const fs::path& folder, std::optional<torch::ScalarType> dtype) {
  Component component = read_empty_component(folder);
  const fs::path weights = find_weights(folder, component.files.weights);
  load_parameters(*component.module, weights, component.key_name, dtype);
  return component;
}

void write_component(const fs::path& folder, const Component& component) {
  fs::create_directories(folder);
  write_component_config(folder, component.files, component.config);
  save_parameters(folder / component.files.weights, *component.module);
}

}  // namespace medisyn
