#include "medisyn/models/vit.h"

#include "medisyn/nn/level.h"

namespace medisyn {
namespace {

constexpr double kLayerNormEps = 1e-6;

}  // namespace

VisionBlockImpl::VisionBlockImpl(const VisionTransformerShape& shape)
    : heads_(shape.heads),
      norm1_(register_module("norm1", LayerNorm(shape.width, kLayerNormEps))),
      qkv_(shape.width, 3 * shape.width),
      proj_(shape.width, shape.width),
      norm2_(register_module("norm2", LayerNorm(shape.width, kLayerNormEps))),
      fc1_(shape.width, shape.intermediate),
      fc2_(shape.intermediate, shape.width) {
  torch::nn::Module& attention = add_level(*this, "attn");
  attention.register_module("qkv", qkv_);
  attention.register_module("proj", proj_);
  torch::nn::Module& mlp = add_level(*this, "mlp");
  mlp.register_module("fc1", fc1_);
  mlp.register_module("fc2", fc2_);
}

torch::Tensor VisionBlockImpl::forward(const torch::Tensor& x) {
  const std::vector<torch::Tensor> qkv = qkv_(norm1_(x)).chunk(3, -1);
  const torch::Tensor hidden = x + proj_(attend(qkv[0], qkv[1], qkv[2], heads_));
  return hidden + fc2_(torch::gelu(fc1_(norm2_(hidden))));
}

VisionTransformerImpl::VisionTransformerImpl(const VisionTransformerShape& shape)
    : shape_(shape),
      patch_(ConvShape{.in = 3,
                       .out = shape.width,
                       .kernel = shape.patch_pixels,
                       .stride = shape.patch_pixels,
                       .padding = 0}),
      norm_(register_module("norm", LayerNorm(shape.width, kLayerNormEps))) {
  const std::int64_t side = shape.image_pixels / shape.patch_pixels;
  cls_token_ = register_parameter("cls_token", torch::zeros({1, 1, shape.width}));
  pos_embed_ = register_parameter("pos_embed", torch::randn({1, 1 + side * side, shape.width}) * 0.02);
  add_level(*this, "patch_embed").register_module("proj", patch_);
  register_module("blocks", blocks_);
  for (std::int64_t i = 0; i < shape.layers; ++i) {
    blocks_->push_back(VisionBlock(shape));
  }
}

torch::Tensor VisionTransformerImpl::forward(const torch::Tensor& images) {
  TORCH_CHECK(
      images.dim() == 4 && images.size(2) == shape_.image_pixels && images.size(3) == shape_.image_pixels,
      "expected images [B, 3, ", shape_.image_pixels, ", ", shape_.image_pixels, "], got ", images.sizes());
  const torch::Tensor patches = patch_(images).flatten(2).transpose(1, 2);  // [B, patches, D]
  torch::Tensor hidden = torch::cat({cls_token_.expand({images.size(0), -1, -1}), patches}, 1) + pos_embed_;
  for (const auto& block : *blocks_) {
    hidden = block->as<VisionBlock>()->forward(hidden);
  }
  return norm_(hidden.select(1, 0));
}

}  // namespace medisyn
