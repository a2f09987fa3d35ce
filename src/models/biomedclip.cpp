#include "medisyn/models/biomedclip.h"

#include <cmath>

#include "medisyn/nn/level.h"

namespace medisyn {
namespace {

constexpr double kTemperature = 0.07;

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

}  // namespace medisyn
