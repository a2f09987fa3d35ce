// Attention and what is made of it in diffusion U-Nets.
// Source: diffusers, models/attention_processor.py, models/attention.py,
// models/transformers/transformer_2d.py; parameter names are the same. Vaswani et al., 2017,
// https://arxiv.org/abs/1706.03762.
#pragma once

#include <functional>
#include <memory>
#include <unordered_map>

#include "medisyn/nn/layers.h"

namespace medisyn {

/// softmax(Q K^T / sqrt(d)) V for each of `heads` slices of the width.
struct AttentionOptions {
  bool is_causal = false;  ///< a token sees itself and those before it
  double dropout = 0;      ///< of the softmax's weights; 0 outside training
  bool upcast = false;     ///< scores in fp32 whatever the dtype
  torch::Tensor mask =
      {};  ///< bool, broadcasts to [B, heads, Lq, Lk]: true where a key may be seen; or undefined
};
/// query [B, Lq, D], key and value [B, Lk, D] -> [B, Lq, D]. D must be a multiple of heads.
torch::Tensor attend(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                     std::int64_t heads, const AttentionOptions& options = {});

/// What an attention looks at, [B, Lc, Dc]. When `kept`, the keys and values that a layer makes of it are
/// made at its first call and used again at each later one: the text of a prompt is the same at every step.
/// Not for gradients. Copies share what they keep.
class Context {
 public:
  Context(torch::Tensor tokens) : tokens_(std::move(tokens)) {}  // NOLINT: tokens are what they are
  static Context kept(torch::Tensor tokens);

  /// Other tokens of the same shape, for a context that is kept(). The next keys and values are written to
  /// where the old ones lie, so that a recording that reads them stays true.
  void replace(const torch::Tensor& tokens);

  const torch::Tensor& tokens() const { return tokens_; }

  struct KeysValues {
    torch::Tensor keys;    ///< [B, Lc, D]
    torch::Tensor values;  ///< [B, Lc, D]
    bool is_old = false;   ///< of tokens that were replaced
  };
  /// What `layer` made of the tokens, by `make` when nothing is kept of it.
  KeysValues keys_values(const void* layer, const std::function<KeysValues()>& make) const;

 private:
  torch::Tensor tokens_;
  std::shared_ptr<std::unordered_map<const void*, KeysValues>> kept_;  ///< by layer; null: nothing is kept
};

struct AttentionShape {
  std::int64_t width = 0;    ///< D
  std::int64_t context = 0;  ///< width of what keys and values are made from; 0: the same as width
  std::int64_t heads = 1;
  bool qkv_bias = false;
  bool upcast = false;
};

///   x ─ to_q ─┐
///   c ─ to_k ─┼─ attend ─ to_out.0 ─ y
///   c ─ to_v ─┘
class AttentionImpl : public torch::nn::Module {
 public:
  explicit AttentionImpl(const AttentionShape& shape);

  /// x [B, L, D], context [B, Lc, Dc] (x itself for self-attention) -> [B, L, D]
  torch::Tensor forward(const torch::Tensor& x, const Context& context);

 private:
  AttentionShape shape_;
  Linear to_q_;
  Linear to_k_;
  Linear to_v_;
  torch::nn::ModuleList to_out_;  ///< one Linear
};
TORCH_MODULE(Attention);

/// Self-attention among the pixels of an autoencoder's middle, one head:
///   x ─┬─ group_norm ─ [B, H*W, C] ─ attention ─ [B, C, H, W] ─ + ─ y
///      └────────────────────────────────────────────────────────┘
class SpatialAttentionImpl : public torch::nn::Module {
 public:
  SpatialAttentionImpl(std::int64_t channels, std::int64_t groups, double eps);
  torch::Tensor forward(const torch::Tensor& input);

 private:
  GroupNorm group_norm_;
  Linear to_q_;
  Linear to_k_;
  Linear to_v_;
  torch::nn::ModuleList to_out_;  ///< one Linear
};
TORCH_MODULE(SpatialAttention);

}  // namespace medisyn
