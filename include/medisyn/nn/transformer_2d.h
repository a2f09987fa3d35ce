// Transformers over the pixels of a feature map that look at a text.
// Source: diffusers, models/attention.py, models/transformers/transformer_2d.py; parameter names are the
// same.
#pragma once

#include "medisyn/nn/attention.h"
#include "medisyn/nn/layers.h"

namespace medisyn {

/// x ─ net.0.proj ─ halves a, g ─ a * GELU(g) ─ net.2. [B, L, D] -> [B, L, D], 4 D wide inside.
/// Source: Shazeer, 2020, https://arxiv.org/abs/2002.05202, GEGLU.
class FeedForwardImpl : public torch::nn::Module {
 public:
  explicit FeedForwardImpl(std::int64_t width);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  torch::nn::ModuleList net_;
};
TORCH_MODULE(FeedForward);

///   x ─ + norm1, attn1 (x itself) ─ + norm2, attn2 (the text) ─ + norm3, ff ─ y         each added to its
///   input
class BasicTransformerBlockImpl : public torch::nn::Module {
 public:
  BasicTransformerBlockImpl(const AttentionShape& self_attention, const AttentionShape& cross_attention);

  /// x [B, L, D], text [B, Lt, Dt] -> [B, L, D]
  torch::Tensor forward(const torch::Tensor& x, const Context& text);

 private:
  LayerNorm norm1_;
  Attention attn1_;
  LayerNorm norm2_;
  Attention attn2_;
  LayerNorm norm3_;
  FeedForward ff_;
};
TORCH_MODULE(BasicTransformerBlock);

struct Transformer2DShape {
  std::int64_t channels = 0;
  std::int64_t heads = 1;
  std::int64_t layers = 1;
  std::int64_t context = 0;  ///< width of the text
  std::int64_t groups = 32;
  bool use_linear_projection = false;  ///< proj_in and proj_out are linear layers, not 1x1 convolutions
  bool upcast = false;                 ///< attention scores in fp32 whatever the dtype
};

///   x ─┬─ norm ─ proj_in ─ [B, H*W, C] ─ transformer_blocks (text) ─ [B, C, H, W] ─ proj_out ─ + ─ y
///      └───────────────────────────────────────────────────────────────────────────────────────┘
class Transformer2DModelImpl : public torch::nn::Module {
 public:
  explicit Transformer2DModelImpl(const Transformer2DShape& shape);

  /// x [B, C, H, W], text [B, L, context] -> [B, C, H, W]
  torch::Tensor forward(const torch::Tensor& x, const Context& text);

 private:
  GroupNorm norm_;
  Linear linear_in_{nullptr};  ///< proj_in, one of the two
  Conv2d conv_in_{nullptr};    ///< proj_in, one of the two
  torch::nn::ModuleList transformer_blocks_;
  Linear linear_out_{nullptr};  ///< proj_out, likewise
  Conv2d conv_out_{nullptr};
};
TORCH_MODULE(Transformer2DModel);

}  // namespace medisyn
