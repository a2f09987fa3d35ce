#include "medisyn/models/lora.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/core/random_key.h"
#include "medisyn/io/safetensors.h"

namespace medisyn {
namespace {

struct NamedLayer {
  std::string name;
  std::shared_ptr<LinearImpl> linear;
};

bool ends_with_word(const std::string& name, const std::string& target) {
  return name.ends_with(target) &&
         (name.size() == target.size() || name[name.size() - target.size() - 1] == '.');
}

NamedLayer linear_layer(const std::string& name, const std::shared_ptr<torch::nn::Module>& module) {
  const auto linear = std::dynamic_pointer_cast<LinearImpl>(module);
  if (!linear) {
    fail("lora.targets: expected names of linear layers, found {}, which is none", name);
  }
  TORCH_CHECK(!linear->weight.is_meta(), name, ": its weight was given up for inference");
  return {name, linear};
}

/// Those whose names end with one of the targets, in the model's order.
std::vector<NamedLayer> target_layers(const torch::nn::Module& model,
                                      const std::vector<std::string>& targets) {
  std::vector<NamedLayer> layers;
  std::vector<bool> is_found(targets.size());
  for (const auto& item : model.named_modules(/*name_prefix=*/"", /*include_self=*/false)) {
    bool is_target = false;
    for (std::size_t i = 0; i < targets.size(); ++i) {
      if (ends_with_word(item.key(), targets[i])) {
        is_target = is_found[i] = true;
      }
    }
    if (is_target) {
      layers.push_back(linear_layer(item.key(), item.value()));
    }
  }
  const auto missed = std::find(is_found.begin(), is_found.end(), false);
  if (missed != is_found.end()) {
    fail(
        "lora.targets: expected ends of linear layers' names, as to_q or to_out.0, found {}: no name ends so",
        targets[static_cast<std::size_t>(missed - is_found.begin())]);
  }
  if (layers.empty()) {
    fail("lora.targets: expected at least one, as to_q, found none");
  }
  return layers;
}

/// [rank, in], as torch draws the weights of a linear layer.
torch::Tensor draw_a(std::int64_t rank, std::int64_t in, std::uint32_t seed) {
  const double bound = 1 / std::sqrt(static_cast<double>(in));
  return torch::empty({rank, in}).uniform_(-bound, bound, at::make_generator<at::CPUGeneratorImpl>(seed));
}

/// The keyword arguments of peft.LoraConfig that say what the adapters are.
void describe(const std::string& component, const LoraConfig& config, Json& metadata) {
  metadata[component + ".r"] = config.rank;
  metadata[component + ".lora_alpha"] = config.used_alpha();
  metadata[component + ".target_modules"] = config.targets;
}

}  // namespace

LoraAdapters::LoraAdapters(torch::nn::Module& model, const LoraConfig& config, std::uint64_t seed)
    : config_(config) {
  TORCH_CHECK(config.rank > 0, "adapters of rank ", config.rank);
  for (torch::Tensor& parameter : model.parameters()) {
    parameter.set_requires_grad(false);
  }
  for (const auto& [name, linear] : target_layers(model, config.targets)) {
    const torch::Tensor base = linear->named_parameters(/*recurse=*/false)["weight"];
    const torch::Tensor a = draw_a(config.rank, base.size(1), random_key({seed, hash_text(name)}));
    const torch::Tensor b = torch::zeros({base.size(0), config.rank});
    layers_.push_back({.name = name,
                       .linear = linear,
                       .base = base,
                       .a = a.to(base.device()).set_requires_grad(true),
                       .b = b.to(base.device()).set_requires_grad(true),
                       .kept = {}});
  }
}

std::vector<std::pair<std::string, torch::Tensor>> LoraAdapters::parameters() const {
  std::vector<std::pair<std::string, torch::Tensor>> all;
  for (const Layer& layer : layers_) {
    all.emplace_back(layer.name + ".lora_A.weight", layer.a);
    all.emplace_back(layer.name + ".lora_B.weight", layer.b);
  }
  return all;
}

torch::Tensor LoraAdapters::merged_weight(const Layer& layer) const {
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::autocast_dispatch_keyset);
  const torch::Tensor update = torch::mm(layer.b, layer.a);
  return torch::add(layer.base, update, config_.scale()).to(layer.base.scalar_type());
}

void LoraAdapters::merge() {
  if (is_registered()) {
    TORCH_CHECK(!at::GradMode::is_enabled(), "registered merged weights give no gradients");
    return;
  }
  for (Layer& layer : layers_) {
    layer.linear->weight = merged_weight(layer);
  }
}

void LoraAdapters::unmerge() {
  TORCH_CHECK(!is_registered(), "the registered weights are merged until the scope of WithMergedLora ends");
  for (Layer& layer : layers_) {
    layer.linear->weight = layer.base;
  }
}

void LoraAdapters::register_merged() {
  TORCH_CHECK(!is_registered(), "one WithMergedLora at a time");
  unmerge();  // lets go of what the last merge() made
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> merged;
  for (const Layer& layer : layers_) {
    merged.push_back(merged_weight(layer));
  }
  for (std::size_t i = 0; i < layers_.size(); ++i) {
    layers_[i].kept = layers_[i].base.detach();
    layers_[i].base.set_data(merged[i]);
  }
}

void LoraAdapters::register_base() {
  for (Layer& layer : layers_) {
    layer.base.set_data(layer.kept);
    layer.kept.reset();
  }
}

void LoraAdapters::save(const std::filesystem::path& folder) const {
  save_lora_weights(folder, {{"unet", this}});
}

void save_lora_weights(const std::filesystem::path& folder,
                       const std::map<std::string, const LoraAdapters*>& components) {
  TensorMap tensors;
  // For all components or none: where one has its keys, a reader takes peft's defaults for those without.
  Json metadata = Json::object();
  for (const auto& [component, adapters] : components) {
    for (const auto& [name, tensor] : adapters->parameters()) {
      tensors[fmt::format("{}.{}", component, name)] = tensor;
    }
    describe(component, adapters->config(), metadata);
  }
  std::filesystem::create_directories(folder);
  write_safetensors(folder / "pytorch_lora_weights.safetensors", tensors,
                    {{"format", "pt"}, {"lora_adapter_metadata", metadata.dump(2)}});
}

}  // namespace medisyn
