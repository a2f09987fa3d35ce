// BERT's encoder: token ids to one vector a token.
//
//   input_ids ─ word + position + token type embedding ─ LayerNorm ─ layers (attention, MLP) ─ [B, L, D]
//
// Source: transformers, models/bert/modeling_bert.py; Devlin et al., 2019, https://arxiv.org/abs/1810.04805.
// Parameter names are the same.
#pragma once

#include <torch/nn.h>

#include <string>

#include "medisyn/models/bert_config.h"
#include "medisyn/nn/attention.h"

namespace medisyn {

/// [B, L] int64 -> [B, L, D]. Token types are all 0: one segment.
class BertEmbeddingsImpl : public torch::nn::Module {
 public:
  explicit BertEmbeddingsImpl(const BertConfig& config);
  torch::Tensor forward(const torch::Tensor& input_ids);

 private:
  double dropout_;
  Embedding word_embeddings_;
  Embedding position_embeddings_;
  Embedding token_type_embeddings_;
  LayerNorm norm_;  ///< "LayerNorm"
};
TORCH_MODULE(BertEmbeddings);

/// dense ─ dropout ─ + residual ─ LayerNorm. [B, L, in] -> [B, L, D]
class BertOutputImpl : public torch::nn::Module {
 public:
  BertOutputImpl(std::int64_t in, const BertConfig& config);
  torch::Tensor forward(const torch::Tensor& hidden, const torch::Tensor& residual);

 private:
  double dropout_;
  Linear dense_;
  LayerNorm norm_;  ///< "LayerNorm"
};
TORCH_MODULE(BertOutput);

/// The norm stands behind each sum:
///   x ─ attention.self ─ attention.output(+ x) ─ intermediate ─ GELU ─ output(+) ─ y
class BertLayerImpl : public torch::nn::Module {
 public:
  explicit BertLayerImpl(const BertConfig& config);

  /// hidden [B, L, D]; mask [B, 1, 1, L] bool, true where a token may be seen, or undefined
  torch::Tensor forward(const torch::Tensor& hidden, const torch::Tensor& mask);

 private:
  BertConfig config_;
  Linear query_;
  Linear key_;
  Linear value_;
  BertOutput attention_output_;
  Linear intermediate_;
  BertOutput output_;
};
TORCH_MODULE(BertLayer);

class BertModelImpl : public torch::nn::Module {
 public:
  using Config = BertConfig;

  /// Random weights, as the reference draws them, from torch's global generator.
  explicit BertModelImpl(const BertConfig& config);

  /// The last hidden state. Padding is hidden from the attention when the config's use_attention_mask says
  /// so. [B, L] int64, L at most max_position_embeddings, ids below vocab_size -> [B, L, D]
  torch::Tensor forward(const torch::Tensor& input_ids);

  const BertConfig& config() const { return config_; }

 private:
  BertConfig config_;
  BertEmbeddings embeddings_{nullptr};
  torch::nn::ModuleList layers_;  ///< "encoder.layer"
  Linear pooler_{nullptr};        ///< "pooler.dense": part of the file, not of forward
};
TORCH_MODULE(BertModel);

/// The name without `bert.` in front; "" for position_ids and the heads of pre-training (`cls.`), and for a
/// pooler when the config has none.
std::string current_key(const BertModelImpl& model, const std::string& key);

}  // namespace medisyn
