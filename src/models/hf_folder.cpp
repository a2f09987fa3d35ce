#include "medisyn/models/hf_folder.h"

#include <fmt/ranges.h>

#include <algorithm>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

/// "a, b, c and 4 more"
std::string name_some(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 3;
  const std::size_t shown = std::min(kShown, names.size());
  const std::string text =
      fmt::format("{}", fmt::join(names.begin(), names.begin() + static_cast<long>(shown), ", "));
  return shown == names.size() ? text : fmt::format("{} and {} more", text, names.size() - shown);
}

/// Present-day name -> name in the file. Error when two keys come to one name.
std::map<std::string, std::string> present_day_names(const TensorMap& tensors, const KeyName& key_name,
                                                     const fs::path& file) {
  std::map<std::string, std::string> names;
  for (const auto& [key, tensor] : tensors) {
    const std::string name = key_name ? key_name(key) : key;
    if (!name.empty() && !names.emplace(name, key).second) {
      fail("{}: {} and {} are the same parameter: the file holds it twice", file.string(), names[name], key);
    }
  }
  return names;
}

/// A counter that torch's batch norms got in 2018: files of before do not have it.
bool is_optional(const std::string& name) { return name.ends_with("num_batches_tracked"); }

void check_names(const TensorMap& expected, const std::map<std::string, std::string>& found,
                 const fs::path& file) {
  std::vector<std::string> missing;
  std::vector<std::string> unexpected;
  for (const auto& [name, tensor] : expected) {
    if (!found.contains(name) && !is_optional(name)) {
      missing.push_back(name);
    }
  }
  for (const auto& [name, key] : found) {
    if (!expected.contains(name)) {
      unexpected.push_back(key);
    }
  }
  if (!missing.empty()) {
    fail("{}: {} of {} parameters are missing: {}{}", file.string(), missing.size(), expected.size(),
         name_some(missing),
         unexpected.empty() ? "" : fmt::format("; unexpected: {}", name_some(unexpected)));
  }
  if (!unexpected.empty()) {
    fail("{}: {} parameters do not belong to this model: {}", file.string(), unexpected.size(),
         name_some(unexpected));
  }
}

}  // namespace

ComponentFiles component_files(const UNet2DConditionConfig&) {
  return {"diffusion_pytorch_model.safetensors", {{"_class_name", "UNet2DConditionModel"}}};
}

ComponentFiles component_files(const AutoencoderKLConfig&) {
  return {"diffusion_pytorch_model.safetensors", {{"_class_name", "AutoencoderKL"}}};
}

ComponentFiles component_files(const BertConfig&) {
  return {"model.safetensors", {{"architectures", Json::array({"BertModel"})}, {"model_type", "bert"}}};
}

ComponentFiles component_files(const CLIPTextConfig&) {
  return {"model.safetensors",
          {{"architectures", Json::array({"CLIPTextModel"})}, {"model_type", "clip_text_model"}}};
}

ComponentFiles component_files(const CLIPTextWithProjectionConfig&) {
  return {
      "model.safetensors",
      {{"architectures", Json::array({"CLIPTextModelWithProjection"})}, {"model_type", "clip_text_model"}}};
}

TensorMap state_dict(const torch::nn::Module& model) {
  TensorMap tensors;
  for (const auto& item : model.named_parameters()) {
    tensors[item.key()] = item.value();
  }
  for (const auto& item : model.named_buffers()) {
    tensors[item.key()] = item.value();
  }
  return tensors;
}

std::int64_t parameter_count(const torch::nn::Module& model) {
  std::int64_t count = 0;
  for (const torch::Tensor& parameter : model.parameters()) {
    count += parameter.numel();
  }
  return count;
}

void load_parameters(torch::nn::Module& model, const fs::path& file, const KeyName& key_name,
                     std::optional<torch::ScalarType> dtype) {
  const torch::NoGradGuard no_grad;
  const TensorMap found = read_weights(file);
  const std::map<std::string, std::string> names = present_day_names(found, key_name, file);
  TensorMap tensors = state_dict(model);
  check_names(tensors, names, file);
  for (const auto& [name, key] : names) {
    const torch::IntArrayRef expected = tensors.at(name).sizes();
    if (expected != found.at(key).sizes()) {
      fail("{}: {}: expected shape [{}], as config.json says, found [{}]", file.string(), key,
           fmt::join(expected, ", "), fmt::join(found.at(key).sizes(), ", "));
    }
  }
  for (const auto& [name, key] : names) {
    torch::Tensor& target = tensors.at(name);
    const auto type =
        target.is_floating_point() ? dtype.value_or(target.scalar_type()) : target.scalar_type();
    target.set_data(found.at(key).to(target.options().dtype(type)).contiguous());
  }
}

void save_parameters(const fs::path& safetensors_file, const torch::nn::Module& model) {
  // transformers refuses a file whose metadata does not name a framework.
  write_safetensors(safetensors_file, state_dict(model), {{"format", "pt"}});
}

void write_component_config(const fs::path& folder, const ComponentFiles& files, const Json& config) {
  Json json = files.header;
  json.update(config);
  write_file(folder / "config.json", json.dump(2) + "\n");
}

}  // namespace medisyn
