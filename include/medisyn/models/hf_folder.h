// A model as Hugging Face libraries keep it: a folder with config.json and its weights.
//
//   unet/, vae/      config.json, diffusion_pytorch_model.safetensors
//   text_encoder/    config.json, model.safetensors
#pragma once

#include <torch/nn.h>

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"
#include "medisyn/io/safetensors.h"
#include "medisyn/models/autoencoder_kl.h"
#include "medisyn/models/bert.h"
#include "medisyn/models/clip_text.h"
#include "medisyn/models/unet_2d_condition.h"
#include "medisyn/models/weights.h"

namespace medisyn {

/// Gives a key of a file its present-day name, or "" for a key that carries nothing.
using KeyName = std::function<std::string(const std::string&)>;

/// What a component's folder holds, by its config type.
struct ComponentFiles {
  std::string weights;  ///< file name of the weights
  Json header;          ///< keys in front of the config: _class_name or architectures and model_type
};
ComponentFiles component_files(const UNet2DConditionConfig&);
ComponentFiles component_files(const AutoencoderKLConfig&);
ComponentFiles component_files(const BertConfig&);
ComponentFiles component_files(const CLIPTextConfig&);
ComponentFiles component_files(const CLIPTextWithProjectionConfig&);

/// Parameters and buffers by name; they share the model's memory.
TensorMap state_dict(const torch::nn::Module& model);

/// The number of values in all parameters.
std::int64_t parameter_count(const torch::nn::Module& model);

/// How the tensors of a file fit a model.
struct WeightsFit {
  std::map<std::string, std::string> keys;  ///< name of a parameter -> key in the file
  std::vector<std::string> missing;         ///< names that the file lacks
  std::vector<std::string> unexpected;      ///< keys that the model lacks
  std::vector<std::string> misfits;  ///< "KEY: expected shape [..], found [..]", or another kind of number
};

/// Compares a model's state_dict with a file's tensors. Error when two keys of the file are one parameter.
WeightsFit fit_weights(const TensorMap& expected, const TensorMap& found, const KeyName& key_name,
                       const std::filesystem::path& file);

/// Sets parameters and buffers from tensors, without a copy where the dtypes are equal. Floating-point ones
/// get `dtype`, or keep the file's when none is given. Error naming the file and the first few names when
/// keys are missing or unexpected, or a tensor does not fit.
void set_parameters(torch::nn::Module& model, TensorMap tensors, const std::filesystem::path& file,
                    const KeyName& key_name = {}, std::optional<torch::ScalarType> dtype = {});

/// The same from a file of weights (read_weights).
void load_parameters(torch::nn::Module& model, const std::filesystem::path& file,
                     const KeyName& key_name = {}, std::optional<torch::ScalarType> dtype = {});

/// Writes parameters and buffers in their dtype.
void save_parameters(const std::filesystem::path& safetensors_file, const torch::nn::Module& model);

/// Writes config.json: header and config.
void write_component_config(const std::filesystem::path& folder, const ComponentFiles& files,
                            const Json& config);

/// By default any key must have its present-day name.
inline std::string current_key(const torch::nn::Module&, const std::string& key) { return key; }

/// Reads a component: `load_component<UNet2DConditionModel>(folder / "unet")`. The parameters get `dtype`, or
/// fp32 when none is given, whatever the file holds. The model is in eval mode. Error for a missing folder or
/// file.
template <class Model>
Model load_component(const std::filesystem::path& folder, torch::ScalarType dtype = torch::kFloat) {
  using Impl = typename Model::ContainedType;
  using Config = typename Impl::Config;
  const auto config = read_config<Config>(folder / "config.json");
  const auto weights = find_weights(folder, component_files(config).weights);
  Model model = [&] {
    const UninitialisedParameters guard;
    return Model(config);
  }();
  const auto key_name = [&](const std::string& key) { return current_key(*model, key); };
  load_parameters(*model, weights, key_name, dtype);
  model->eval();
  return model;
}

/// Writes a component that diffusers and transformers load. The folder is made when it is not there.
template <class Model>
void save_component(const std::filesystem::path& folder, const Model& model) {
  const ComponentFiles files = component_files(model->config());
  std::filesystem::create_directories(folder);
  write_component_config(folder, files, config_to_json(model->config()));
  save_parameters(folder / files.weights, *model);
}

}  // namespace medisyn
