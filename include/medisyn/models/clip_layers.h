// One layer of CLIP's transformers.
// Source: transformers, models/clip/modeling_clip.py; parameter names are the same.
#pragma once

#include <string>

#include "medisyn/nn/attention.h"

namespace medisyn {

struct CLIPLayerShape {
  std::int64_t width = 0;         ///< D
  std::int64_t intermediate = 0;  ///< width inside the MLP
  std::int64_t heads = 1;
  std::string activation = "quick_gelu";  ///< or "gelu"
  double eps = 1e-5;
  double attention_dropout = 0;
  bool is_causal = true;
};

/// q_proj, k_proj, v_proj ─ attend ─ out_proj. [B, L, D] -> [B, L, D]
class CLIPAttentionImpl : public torch::nn::Module {
 public:
  explicit CLIPAttentionImpl(const CLIPLayerShape& shape);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  CLIPLayerShape shape_;
  Linear k_proj_;
  Linear v_proj_;
  Linear q_proj_;
  Linear out_proj_;
};
TORCH_MODULE(CLIPAttention);

/// fc1 ─ activation ─ fc2. [B, L, D] -> [B, L, D]. quick_gelu(x) = x sigmoid(1.702 x), what OpenAI's CLIP was
/// trained with; gelu is the exact one, of the OpenCLIP models.
class CLIPMLPImpl : public torch::nn::Module {
 public:
  explicit CLIPMLPImpl(const CLIPLayerShape& shape);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  bool is_quick_;
  Linear fc1_;
  Linear fc2_;
};
TORCH_MODULE(CLIPMLP);

///   x ─ + layer_norm1, self_attn ─ + layer_norm2, mlp ─ y       each added to its input
class CLIPEncoderLayerImpl : public torch::nn::Module {
 public:
  explicit CLIPEncoderLayerImpl(const CLIPLayerShape& shape);
  torch::Tensor forward(const torch::Tensor& x);  ///< [B, L, D] -> [B, L, D]

 private:
  LayerNorm layer_norm1_;
  CLIPAttention self_attn_;
  LayerNorm layer_norm2_;
  CLIPMLP mlp_;
};
TORCH_MODULE(CLIPEncoderLayer);

/// What the last layer saw and what it gave, both [B, L, D].
struct CLIPEncoderOutput {
  torch::Tensor penultimate;
  torch::Tensor last;
};

/// layers.0, layers.1, ... one after the other. [B, L, D]
class CLIPEncoderImpl : public torch::nn::Module {
 public:
  CLIPEncoderImpl(const CLIPLayerShape& shape, std::int64_t count);
  CLIPEncoderOutput forward(torch::Tensor hidden);

 private:
  torch::nn::ModuleList layers_;
};
TORCH_MODULE(CLIPEncoder);

}  // namespace medisyn
