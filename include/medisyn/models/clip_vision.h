// CLIP's vision tower with its projection: transformers' CLIPModel.get_image_features.
//
//   images ─ patches ─ [class_embedding, patches] + position_embedding ─ pre_layrnorm ─ layers
//          ─ class token ─ post_layernorm ─ visual_projection ─ [B, E]
//
// Source: transformers, models/clip/modeling_clip.py; Radford et al., 2021, https://arxiv.org/abs/2103.00020.
// Parameter names are the same ("pre_layrnorm" too).
#pragma once

#include <torch/nn.h>

#include <filesystem>
#include <string>

#include "medisyn/models/clip_layers.h"
#include "medisyn/models/clip_vision_config.h"

namespace medisyn {

/// "vision_model.embeddings". [B, 3, H, W] -> [B, 1 + patches, D]
class CLIPVisionEmbeddingsImpl : public torch::nn::Module {
 public:
  explicit CLIPVisionEmbeddingsImpl(const CLIPVisionConfig& config);
  torch::Tensor forward(const torch::Tensor& images);

 private:
  std::int64_t image_size_;
  std::int64_t patch_size_;
  torch::Tensor class_embedding_;  ///< [D]
  torch::Tensor patch_embedding_;  ///< "patch_embedding.weight" [D, 3, patch_size, patch_size]
  Embedding position_embedding_;
};
TORCH_MODULE(CLIPVisionEmbeddings);

class CLIPVisionModelImpl : public torch::nn::Module {
 public:
  using Config = CLIPVisionConfig;

  explicit CLIPVisionModelImpl(const CLIPVisionConfig& config);

  /// [B, 3, image_size, image_size] normalised -> [B, projection_dim], not of unit length
  torch::Tensor forward(const torch::Tensor& images);

  const CLIPVisionConfig& config() const { return config_; }

 private:
  CLIPVisionConfig config_;
  CLIPVisionEmbeddings embeddings_{nullptr};
  LayerNorm pre_layrnorm_{nullptr};
  CLIPEncoder encoder_{nullptr};
  LayerNorm post_layernorm_{nullptr};
  Linear visual_projection_{nullptr};
};
TORCH_MODULE(CLIPVisionModel);

/// "" for what belongs to CLIP's text tower, and for position_ids, a buffer of old files.
std::string current_key(const CLIPVisionModelImpl&, const std::string& key);

/// Reads a CLIP folder (openai/clip-vit-base-patch32 and others: config.json, model.safetensors or
/// pytorch_model.bin) in fp32, in eval mode. Error for a missing file, another model, or weights that do not
/// fit.
CLIPVisionModel load_clip_vision(const std::filesystem::path& folder);

/// The file of its weights. Error when there is none.
std::filesystem::path clip_weights(const std::filesystem::path& folder);

}  // namespace medisyn
