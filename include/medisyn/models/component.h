// A component of a model folder whatever its class: what shows, makes and converts models needs no more.
#pragma once

#include <torch/nn.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config_node.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {

struct Component {
  std::string class_name;  ///< "UNet2DConditionModel": diffusers' _class_name, transformers' architecture
  std::shared_ptr<torch::nn::Module> module;
  Json config;           ///< all keys, defaults filled in
  ComponentFiles files;  ///< how it is written
  KeyName key_name;      ///< key of a file -> name of a parameter
};

/// A model as a component.
template <class Model>
Component component_of(const std::string& class_name, const Model& model) {
  return {.class_name = class_name,
          .module = model.ptr(),
          .config = config_to_json(model->config()),
          .files = component_files(model->config()),
          .key_name = [model](const std::string& key) { return current_key(*model, key); }};
}

/// The classes there are: UNet2DConditionModel, AutoencoderKL, CLIPTextModel, CLIPTextModelWithProjection,
/// BertModel.
std::vector<std::string> component_classes();

/// diffusers' `_class_name: X`, or transformers' `architectures: [X]`; "" when there is neither.
std::string named_class(const ConfigNode& config);

/// The class that a folder's config.json names. Error naming the file when it names none, or one that is not
/// among component_classes().
std::string component_class(const std::filesystem::path& folder);

/// A component after its config, its parameters unset and their memory untouched.
Component empty_component(const std::string& class_name, const ConfigNode& config);

/// The same with random weights, as the reference libraries draw them.
Component random_component(const std::string& class_name, const ConfigNode& config, std::uint64_t seed);

/// A folder's component after its config.json alone: an empty_component().
Component read_empty_component(const std::filesystem::path& folder);

/// Reads config.json and weights. Parameters get `dtype`, or keep the file's when none is given. Errors of
/// load_component().
Component read_component(const std::filesystem::path& folder, std::optional<torch::ScalarType> dtype = {});

/// Writes what diffusers and transformers load. The folder is made when it is not there.
void write_component(const std::filesystem::path& folder, const Component& component);

}  // namespace medisyn
