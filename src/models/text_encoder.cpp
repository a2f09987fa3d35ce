#include "medisyn/models/text_encoder.h"

#include "medisyn/core/error.h"
#include "medisyn/models/component.h"
#include "medisyn/models/frozen_copy.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {

TextEncoder TextEncoder::load(const std::filesystem::path& folder, torch::ScalarType dtype) {
  const std::string name = component_class(folder);
  if (name == "CLIPTextModel") {
    return load_component<CLIPTextModel>(folder, dtype);
  }
  if (name == "BertModel") {
    return load_component<BertModel>(folder, dtype);
  }
  fail("{}: expected a CLIPTextModel or a BertModel, found a {}", (folder / "config.json").string(), name);
}

void TextEncoder::save(const std::filesystem::path& folder) const {
  std::visit([&](const auto& model) { save_component(folder, model); }, kind_);
}

torch::Tensor TextEncoder::forward(const torch::Tensor& input_ids) {
  return std::visit([&](auto& model) { return model->forward(input_ids); }, kind_);
}

torch::Tensor TextEncoder::penultimate(const torch::Tensor& input_ids) {
  auto* clip = std::get_if<CLIPTextModel>(&kind_);
  TORCH_CHECK(clip != nullptr, "a BertModel is asked for CLIP's penultimate hidden state");
  return (*clip)->outputs(input_ids).penultimate;
}

TextEncoder TextEncoder::shallow_copy() const {
  return std::visit([](const auto& model) { return TextEncoder(medisyn::shallow_copy(model)); }, kind_);
}

TextEncoder TextEncoder::frozen_copy(torch::Device device, torch::ScalarType dtype) const {
  return std::visit(
      [&](const auto& model) { return TextEncoder(medisyn::frozen_copy(model, device, dtype)); }, kind_);
}

std::vector<std::pair<std::string, torch::Tensor>> TextEncoder::used_parameters(bool of_penultimate) const {
  const std::int64_t layers =
      std::visit([](const auto& model) { return model->config().num_hidden_layers; }, kind_);
  const std::string last_layer = fmt::format(".layers.{}.", layers - 1);
  std::vector<std::pair<std::string, torch::Tensor>> used;
  for (const auto& parameter : module().named_parameters()) {
    const std::string& name = parameter.key();
    const bool is_above = of_penultimate && (name.find(last_layer) != std::string::npos ||
                                             name.find("final_layer_norm") != std::string::npos);
    if (!is_above && !name.starts_with("pooler.")) {
      used.emplace_back(name, parameter.value());
    }
  }
  return used;
}

std::string TextEncoder::class_name() const {
  return std::holds_alternative<BertModel>(kind_) ? "BertModel" : "CLIPTextModel";
}

std::int64_t TextEncoder::hidden_size() const {
  return std::visit([](const auto& model) { return model->config().hidden_size; }, kind_);
}

std::int64_t TextEncoder::vocab_size() const {
  return std::visit([](const auto& model) { return model->config().vocab_size; }, kind_);
}

std::int64_t TextEncoder::max_position_embeddings() const {
  return std::visit([](const auto& model) { return model->config().max_position_embeddings; }, kind_);
}

torch::nn::Module& TextEncoder::module() const {
  return std::visit([](const auto& model) -> torch::nn::Module& { return *model.ptr(); }, kind_);
}

}  // namespace medisyn
