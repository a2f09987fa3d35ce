// CLIP's text encoders: token ids to one vector a token and one a text.
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

/// What a text comes to, each for its users: SD takes the last hidden state, SDXL the penultimate one of both
/// encoders and the pooled one of the second.
struct CLIPTextOutput {
  torch::Tensor last_hidden_state;  ///< [B, L, D] after final_layer_norm
  torch::Tensor penultimate;        ///< [B, L, D] what the last layer sees, no norm
  torch::Tensor pooled;             ///< [B, D] the last hidden state at the first end of text
};

class CLIPTextTransformerImpl : public torch::nn::Module {
 public:
  explicit CLIPTextTransformerImpl(const CLIPTextConfig& config);
  CLIPTextOutput forward(const torch::Tensor& input_ids);  ///< [B, L] int64

 private:
  /// The place of each text's end. eos_token_id 2 stands in old configs, where the end is the highest id.
  /// [B, L] -> [B]
  torch::Tensor end_positions(const torch::Tensor& input_ids) const;

  std::int64_t max_position_embeddings_;
  std::int64_t eos_token_id_;
  CLIPTextEmbeddings embeddings_;
  CLIPEncoder encoder_{nullptr};
  LayerNorm final_layer_norm_{nullptr};
};
TORCH_MODULE(CLIPTextTransformer);

/// The first encoder of SD and SDXL.
class CLIPTextModelImpl : public torch::nn::Module {
 public:
  using Config = CLIPTextConfig;

  /// Random weights, as the reference draws them, from torch's global generator.
  explicit CLIPTextModelImpl(const CLIPTextConfig& config);

  /// No padding mask, as in Stable Diffusion.
  /// [B, L] int64, L at most max_position_embeddings, ids below vocab_size
  CLIPTextOutput outputs(const torch::Tensor& input_ids) { return text_model_(input_ids); }

  /// The last hidden state alone. [B, L] -> [B, L, D]
  torch::Tensor forward(const torch::Tensor& input_ids) { return outputs(input_ids).last_hidden_state; }

  const CLIPTextConfig& config() const { return config_; }

 private:
  CLIPTextConfig config_;
  CLIPTextTransformer text_model_{nullptr};
};
TORCH_MODULE(CLIPTextModel);

/// config.json of a text encoder with a projection: the same keys, another architecture.
struct CLIPTextWithProjectionConfig : CLIPTextConfig {};

/// The second encoder of SDXL (OpenCLIP bigG): `pooled` is projected.
class CLIPTextModelWithProjectionImpl : public torch::nn::Module {
 public:
  using Config = CLIPTextWithProjectionConfig;

  explicit CLIPTextModelWithProjectionImpl(const CLIPTextWithProjectionConfig& config);

  /// As CLIPTextModel's, but `pooled` is text_projection of it: [B, projection_dim]
  CLIPTextOutput outputs(const torch::Tensor& input_ids);

  const CLIPTextWithProjectionConfig& config() const { return config_; }

 private:
  CLIPTextWithProjectionConfig config_;
  CLIPTextTransformer text_model_{nullptr};
  Linear text_projection_{nullptr};
};
TORCH_MODULE(CLIPTextModelWithProjection);

/// The name with `text_model.` in front; "" for `position_ids`, a buffer that old files carry.
std::string current_key(const CLIPTextModelImpl&, const std::string& key);
std::string current_key(const CLIPTextModelWithProjectionImpl&, const std::string& key);

}  // namespace medisyn
