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

void check_fit(const WeightsFit& fit, std::size_t parameters, const fs::path& file) {
  if (!fit.missing.empty()) {
    fail("{}: {} of {} parameters are missing: {}{}", file.string(), fit.missing.size(), parameters,
         name_some(fit.missing),
         fit.unexpected.empty() ? "" : fmt::format("; unexpected: {}", name_some(fit.unexpected)));
  }
  if (!fit.unexpected.empty()) {
    fail("{}: {} parameters do not belong to this model: {}", file.string(), fit.unexpected.size(),
         name_some(fit.unexpected));
  }
  if (!fit.misfits.empty()) {
    fail("{}: {}", file.string(), fit.misfits.front());
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

WeightsFit fit_weights(const TensorMap& expected, const TensorMap& found, const KeyName& key_name,
                       const fs::path& file) {
  WeightsFit fit;
  fit.keys = present_day_names(found, key_name, file);
  for (const auto& [name, tensor] : expected) {
    if (!fit.keys.contains(name) && !is_optional(name)) {
      fit.missing.push_back(name);
    }
  }
  for (const auto& [name, key] : fit.keys) {
    const auto target = expected.find(name);
    if (target == expected.end()) {
      fit.unexpected.push_back(key);
      continue;
    }
    const torch::Tensor& tensor = found.at(key);
    if (target->second.sizes() != tensor.sizes()) {
      fit.misfits.push_back(fmt::format("{}: expected shape [{}], as config.json says, found [{}]", key,
                                        fmt::join(target->second.sizes(), ", "),
                                        fmt::join(tensor.sizes(), ", ")));
    } else if (target->second.is_floating_point() != tensor.is_floating_point()) {
      fit.misfits.push_back(
          fmt::format("{}: expected {}, found {}", key,
                      target->second.is_floating_point() ? "floating-point numbers" : "whole numbers",
                      c10::toString(tensor.scalar_type())));
    }
  }
  return fit;
}

void load_parameters(torch::nn::Module& model, const fs::path& file, const KeyName& key_name,
                     std::optional<torch::ScalarType> dtype) {
  set_parameters(model, read_weights(file), file, key_name, dtype);
}

void set_parameters(torch::nn::Module& model, TensorMap found, const fs::path& file, const KeyName& key_name,
                    std::optional<torch::ScalarType> dtype) {
  const torch::NoGradGuard no_grad;
  TensorMap tensors = state_dict(model);
  const WeightsFit fit = fit_weights(tensors, found, key_name, file);
  check_fit(fit, tensors.size(), file);
  for (const auto& [name, key] : fit.keys) {
    torch::Tensor& target = tensors.at(name);
    const torch::Tensor source = std::move(found.at(key));  // its memory is free once it is converted
    const auto type =
        target.is_floating_point() ? dtype.value_or(source.scalar_type()) : target.scalar_type();
    target.set_data(source.to(target.options().dtype(type)).contiguous());
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
