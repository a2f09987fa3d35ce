// CLIP's text encoder: token ids to one vector a token.
//
//   input_ids ─ token + position embedding ─ layers (causal attention, MLP) ─ final_layer_norm ─ [B, L, D]
//
// Source: transformers, models/clip/modeling_clip.py; Radford et al., 2021, https://arxiv.org/abs/2103.00020.
// Parameter names are those of transformers 4 and of every published file (`text_model.` in front), which
// transformers 5 reads too; files that transformers 5 writes without the prefix are read here.
#pragma once

#include <torch/nn.h>

#include <string>

#include "medisyn/models/clip_layers.h"
#include "medisyn/models/clip_text_config.h"

namespace medisyn {

/// token_embedding + position_embedding. [B, L] int64 -> [B, L, D]
class CLIPTextEmbeddingsImpl : public torch::nn::Module {
 public:
  explicit CLIPTextEmbeddingsImpl(const CLIPTextConfig& config);
  torch::Tensor forward(const torch::Tensor& input_ids);

 private:
  Embedding token_embedding_;
  Embedding position_embedding_;
};
TORCH_MODULE(CLIPTextEmbeddings);

class CLIPTextTransformerImpl : public torch::nn::Module {
 public:
  explicit CLIPTextTransformerImpl(const CLIPTextConfig& config);
  torch::Tensor forward(const torch::Tensor& input_ids);  ///< [B, L] int64 -> [B, L, D]

 private:
  CLIPTextEmbeddings embeddings_;
  CLIPEncoder encoder_{nullptr};
  LayerNorm final_layer_norm_{nullptr};
};
TORCH_MODULE(CLIPTextTransformer);

class CLIPTextModelImpl : public torch::nn::Module {
 public:
  using Config = CLIPTextConfig;

  /// Random weights, as the reference draws them, from torch's global generator.
  explicit CLIPTextModelImpl(const CLIPTextConfig& config);

  /// The last hidden state, after the final layer norm. No padding mask, as in Stable Diffusion.
  /// [B, L] int64, L at most max_position_embeddings, ids below vocab_size -> [B, L, D]
  torch::Tensor forward(const torch::Tensor& input_ids);

  const CLIPTextConfig& config() const { return config_; }

 private:
  void draw_parameters();

  CLIPTextConfig config_;
  CLIPTextTransformer text_model_{nullptr};
};
TORCH_MODULE(CLIPTextModel);

/// The name with `text_model.` in front; "" for `position_ids`, a buffer that old files carry.
std::string current_key(const CLIPTextModelImpl&, const std::string& key);

}  // namespace medisyn
