#include "medisyn/models/biomedclip.h"

#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/nn/level.h"

namespace medisyn {
namespace {

constexpr double kTemperature = 0.07;
constexpr std::int64_t kHeadWidth = 64;
constexpr const char* kConfigFile = "open_clip_config.json";

/// Reads sizes off the weights.
class Shapes {
 public:
  Shapes(const TensorMap& tensors, const fs::path& file) : tensors_(tensors), file_(file) {}

  std::int64_t size(const std::string& name, std::int64_t axis) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end() || found->second.dim() <= axis) {
      fail("{}: expected BiomedCLIP's tensor {}", file_.string(), name);
    }
    return found->second.size(axis);
  }

  /// The number of layers named PREFIX.0.SUFFIX, PREFIX.1.SUFFIX, ...
  std::int64_t count(const std::string& prefix, const std::string& suffix) const {
    std::int64_t layers = 0;
    while (tensors_.contains(fmt::format("{}.{}.{}", prefix, layers, suffix))) {
      ++layers;
    }
    return layers;
  }

 private:
  const TensorMap& tensors_;
  const fs::path& file_;
};

std::int64_t heads_of(std::int64_t width) { return std::max<std::int64_t>(width / kHeadWidth, 1); }

BiomedClipShape shape_of(const Shapes& shapes, const OpenClipModelConfig& config) {
  BiomedClipShape shape;
  shape.embed_dim = config.embed_dim;
  VisionTransformerShape& vision = shape.vision;
  vision.image_pixels = config.vision_cfg.image_size;
  vision.width = shapes.size("visual.trunk.patch_embed.proj.weight", 0);
  vision.patch_pixels = shapes.size("visual.trunk.patch_embed.proj.weight", 3);
  vision.layers = shapes.count("visual.trunk.blocks", "mlp.fc1.weight");
  vision.heads = heads_of(vision.width);
  vision.intermediate = shapes.size("visual.trunk.blocks.0.mlp.fc1.weight", 0);
  BertConfig& text = shape.text;
  const std::string tower = "text.transformer.";
  text.vocab_size = shapes.size(tower + "embeddings.word_embeddings.weight", 0);
  text.hidden_size = shapes.size(tower + "embeddings.word_embeddings.weight", 1);
  text.max_position_embeddings = shapes.size(tower + "embeddings.position_embeddings.weight", 0);
  text.type_vocab_size = shapes.size(tower + "embeddings.token_type_embeddings.weight", 0);
  text.num_hidden_layers = shapes.count(tower + "encoder.layer", "intermediate.dense.weight");
  text.num_attention_heads = heads_of(text.hidden_size);
  text.intermediate_size = shapes.size(tower + "encoder.layer.0.intermediate.dense.weight", 0);
  return shape;
}

}  // namespace

BiomedClipImpl::BiomedClipImpl(const BiomedClipShape& shape)
    : trunk_(shape.vision),
      head_(shape.vision.width, shape.embed_dim, /*has_bias=*/false),
      transformer_(shape.text),
      proj_in_(shape.text.hidden_size, (shape.text.hidden_size + shape.embed_dim) / 2, /*has_bias=*/false),
      proj_out_((shape.text.hidden_size + shape.embed_dim) / 2, shape.embed_dim, /*has_bias=*/false) {
  logit_scale_ = register_parameter("logit_scale", torch::full({}, std::log(1 / kTemperature)));
  torch::nn::Module& visual = add_level(*this, "visual");
  visual.register_module("trunk", trunk_);
  add_level(visual, "head").register_module("proj", head_);
  torch::nn::Module& text = add_level(*this, "text");
  text.register_module("transformer", transformer_);
  torch::nn::Module& proj = add_level(text, "proj");
  proj.register_module("0", proj_in_);
  proj.register_module("2", proj_out_);
}

torch::Tensor BiomedClipImpl::encode_image(const torch::Tensor& images) { return head_(trunk_(images)); }

torch::Tensor BiomedClipImpl::encode_text(const torch::Tensor& input_ids) {
  const torch::Tensor class_token = transformer_(input_ids).select(1, 0);  // [B, D]
  return proj_out_(torch::gelu(proj_in_(class_token)));
}

std::string current_key(const BiomedClipImpl&, const std::string& key) {
  return key.ends_with("embeddings.position_ids") ? "" : key;
}

/// open_clip's names of the weights: today's, and that of 2023, which BiomedCLIP was published with.
fs::path biomedclip_weights(const fs::path& folder) {
  for (const char* name : {"open_clip_model.safetensors", "open_clip_pytorch_model.safetensors",
                           "open_clip_pytorch_model.bin"}) {
    if (fs::is_regular_file(folder / name)) {
      return folder / name;
    }
  }
  fail("{}: expected open_clip_model.safetensors or open_clip_pytorch_model.bin beside {}", folder.string(),
       kConfigFile);
}

bool is_open_clip_folder(const fs::path& folder) { return fs::is_regular_file(folder / kConfigFile); }

BiomedClipFolder load_biomedclip(const fs::path& folder) {
  const auto config = read_config<OpenClipConfig>(folder / kConfigFile);
  const fs::path file = biomedclip_weights(folder);
  TensorMap tensors = read_weights(file);
  const BiomedClipShape shape = shape_of(Shapes(tensors, file), config.model_cfg);
  BiomedClip model = [&] {
    const UninitialisedParameters guard;
    return BiomedClip(shape);
  }();
  const auto key_name = [&](const std::string& key) { return current_key(*model, key); };
  set_parameters(*model, std::move(tensors), file, key_name, torch::kFloat);
  model->eval();
  return {config, model};
}

Component text_encoder_of(const BiomedClip& model) {
  return component_of("BertModel", model->text_transformer());
}

}  // namespace medisyn
