#include "medisyn/models/clip_vision.h"

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/nn/level.h"

namespace medisyn {
namespace {

constexpr double kEmbeddingDeviation = 0.02;

}  // namespace

CLIPVisionConfig read_clip_vision_config(const fs::path& file) {
  const Json json = parse_json(read_file(file), file.string());
  const bool is_whole = json.is_object() && json.contains("vision_config");
  const Json& tower = is_whole ? json.at("vision_config") : json;
  if (!tower.is_object() || (!is_whole && json.value("model_type", Json()) != "clip_vision_model")) {
    fail(
        "{}: expected the config.json of a CLIPModel with its vision_config, or of a "
        "CLIPVisionModelWithProjection",
        file.string());
  }
  Json known = config_to_json(CLIPVisionConfig{});
  for (const auto& [key, value] : known.items()) {
    value = tower.value(key, value);
  }
  if (is_whole && json.contains("projection_dim")) {  // the one that CLIPModel projects to
    known["projection_dim"] = json.at("projection_dim");
  }
  if (tower.value("num_channels", Json(3)) != 3) {
    fail("{}: vision_config: num_channels: expected 3, found {}", file.string(),
         tower.at("num_channels").dump());
  }
  auto config =
      config_from_node<CLIPVisionConfig>(parse_config_text(known.dump(), file.string() + ": vision_config"));
  config.check();
  return config;
}

CLIPVisionEmbeddingsImpl::CLIPVisionEmbeddingsImpl(const CLIPVisionConfig& config)
    : image_size_(config.image_size),
      patch_size_(config.patch_size),
      class_embedding_(
          register_parameter("class_embedding", torch::randn({config.hidden_size}) * kEmbeddingDeviation)),
      position_embedding_(nullptr) {
  const std::int64_t side = config.image_size / config.patch_size;
  patch_embedding_ =
      add_level(*this, "patch_embedding")
          .register_parameter("weight",
                              torch::randn({config.hidden_size, 3, config.patch_size, config.patch_size}) *
                                  kEmbeddingDeviation);
  position_embedding_ = register_module("position_embedding", Embedding(1 + side * side, config.hidden_size));
}

torch::Tensor CLIPVisionEmbeddingsImpl::forward(const torch::Tensor& images) {
  TORCH_CHECK(images.dim() == 4 && images.size(2) == image_size_ && images.size(3) == image_size_,
              "expected images [B, 3, ", image_size_, ", ", image_size_, "], got ", images.sizes());
  const torch::Tensor patches =
      torch::conv2d(images, patch_embedding_, {}, patch_size_).flatten(2).transpose(1, 2);  // [B, patches, D]
  const torch::Tensor tokens = torch::cat({class_embedding_.expand({images.size(0), 1, -1}), patches}, 1);
  return tokens + position_embedding_->weight;
}

CLIPVisionModelImpl::CLIPVisionModelImpl(const CLIPVisionConfig& config)
    : config_(config), embeddings_(config) {
  config.check();
  const CLIPLayerShape layer{.width = config.hidden_size,
                             .intermediate = config.intermediate_size,
                             .heads = config.num_attention_heads,
                             .activation = config.hidden_act,
                             .eps = config.layer_norm_eps,
                             .is_causal = false};
  torch::nn::Module& tower = add_level(*this, "vision_model");
  tower.register_module("embeddings", embeddings_);
  pre_layrnorm_ = tower.register_module("pre_layrnorm", LayerNorm(config.hidden_size, config.layer_norm_eps));
  encoder_ = tower.register_module("encoder", CLIPEncoder(layer, config.num_hidden_layers));
  post_layernorm_ =
      tower.register_module("post_layernorm", LayerNorm(config.hidden_size, config.layer_norm_eps));
  visual_projection_ = register_module("visual_projection",
                                       Linear(config.hidden_size, config.projection_dim, /*has_bias=*/false));
}

torch::Tensor CLIPVisionModelImpl::forward(const torch::Tensor& images) {
  const torch::Tensor hidden = encoder_(pre_layrnorm_(embeddings_(images))).last;  // [B, L, D]
  return visual_projection_(post_layernorm_(hidden.select(1, 0)));
}

std::string current_key(const CLIPVisionModelImpl&, const std::string& key) {
  const bool is_text =
      key.starts_with("text_model.") || key.starts_with("text_projection.") || key == "logit_scale";
  return is_text || key == "vision_model.embeddings.position_ids" ? "" : key;
}

fs::path clip_weights(const fs::path& folder) { return find_weights(folder, "model.safetensors"); }

CLIPVisionModel load_clip_vision(const fs::path& folder) {
  const CLIPVisionConfig config = read_clip_vision_config(folder / "config.json");
  const fs::path weights = clip_weights(folder);
  CLIPVisionModel model = [&] {
    const UninitialisedParameters guard;
    return CLIPVisionModel(config);
  }();
  load_parameters(
      *model, weights, [&](const std::string& key) { return current_key(*model, key); }, torch::kFloat);
  model->eval();
  return model;
}

}  // namespace medisyn
