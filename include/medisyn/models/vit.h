// The vision transformer of BiomedCLIP, timm's vit_base_patch16_224.
//
//   images ─ patches 16x16 ─ [class token, patches] + pos_embed ─ blocks ─ norm ─ class token ─ [B, D]
//
// Source: timm, models/vision_transformer.py; Dosovitskiy et al., 2020, https://arxiv.org/abs/2010.11929.
// Parameter names are the same.
#pragma once

#include <torch/nn.h>

#include <cstdint>

#include "medisyn/nn/attention.h"

namespace medisyn {

/// Defaults are ViT-B/16's.
struct VisionTransformerShape {
  std::int64_t image_pixels = 224;
  std::int64_t patch_pixels = 16;
  std::int64_t width = 768;  ///< D
  std::int64_t layers = 12;
  std::int64_t heads = 12;
  std::int64_t intermediate = 3072;  ///< width inside the MLP
};

///   x ─ + attn(norm1) ─ + mlp(norm2) ─ y. [B, L, D] -> [B, L, D]
class VisionBlockImpl : public torch::nn::Module {
 public:
  explicit VisionBlockImpl(const VisionTransformerShape& shape);
  torch::Tensor forward(const torch::Tensor& x);

 private:
  std::int64_t heads_;
  LayerNorm norm1_;
  Linear qkv_;   ///< "attn.qkv": queries, keys and values in one
  Linear proj_;  ///< "attn.proj"
  LayerNorm norm2_;
  Linear fc1_;  ///< "mlp.fc1"
  Linear fc2_;  ///< "mlp.fc2"
};
TORCH_MODULE(VisionBlock);

class VisionTransformerImpl : public torch::nn::Module {
 public:
  explicit VisionTransformerImpl(const VisionTransformerShape& shape);

  /// [B, 3, image_pixels, image_pixels] normalised -> [B, D]
  torch::Tensor forward(const torch::Tensor& images);

 private:
  VisionTransformerShape shape_;
  torch::Tensor cls_token_;  ///< [1, 1, D]
  torch::Tensor pos_embed_;  ///< [1, 1 + patches, D]
  Conv2d patch_;             ///< "patch_embed.proj"
  torch::nn::ModuleList blocks_;
  LayerNorm norm_;
};
TORCH_MODULE(VisionTransformer);

}  // namespace medisyn
