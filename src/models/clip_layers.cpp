#include "medisyn/models/clip_layers.h"

namespace medisyn {

CLIPAttentionImpl::CLIPAttentionImpl(const CLIPLayerShape& shape)
    : shape_(shape),
      k_proj_(register_module("k_proj", Linear(shape.width, shape.width))),
      v_proj_(register_module("v_proj", Linear(shape.width, shape.width))),
      q_proj_(register_module("q_proj", Linear(shape.width, shape.width))),
      out_proj_(register_module("out_proj", Linear(shape.width, shape.width))) {}

torch::Tensor CLIPAttentionImpl::forward(const torch::Tensor& x) {
  const AttentionOptions options{.is_causal = shape_.is_causal,
                                 .dropout = is_training() ? shape_.attention_dropout : 0};
  return out_proj_(attend(q_proj_(x), k_proj_(x), v_proj_(x), shape_.heads, options));
}

CLIPMLPImpl::CLIPMLPImpl(const CLIPLayerShape& shape)
    : is_quick_(shape.activation == "quick_gelu"),
      fc1_(register_module("fc1", Linear(shape.width, shape.intermediate))),
      fc2_(register_module("fc2", Linear(shape.intermediate, shape.width))) {}

torch::Tensor CLIPMLPImpl::forward(const torch::Tensor& x) {
  const torch::Tensor hidden = fc1_(x);
  return fc2_(is_quick_ ? hidden * torch::sigmoid(1.702 * hidden) : torch::gelu(hidden));
}

CLIPEncoderLayerImpl::CLIPEncoderLayerImpl(const CLIPLayerShape& shape)
    : layer_norm1_(register_module("layer_norm1", LayerNorm(shape.width, shape.eps))),
      self_attn_(register_module("self_attn", CLIPAttention(shape))),
      layer_norm2_(register_module("layer_norm2", LayerNorm(shape.width, shape.eps))),
      mlp_(register_module("mlp", CLIPMLP(shape))) {}

torch::Tensor CLIPEncoderLayerImpl::forward(const torch::Tensor& x) {
  const torch::Tensor hidden = x + self_attn_(layer_norm1_(x));
  return hidden + mlp_(layer_norm2_(hidden));
}

CLIPEncoderImpl::CLIPEncoderImpl(const CLIPLayerShape& shape, std::int64_t count) {
  register_module("layers", layers_);
  for (std::int64_t i = 0; i < count; ++i) {
    layers_->push_back(CLIPEncoderLayer(shape));
  }
}

CLIPEncoderOutput CLIPEncoderImpl::forward(torch::Tensor hidden) {
  CLIPEncoderOutput output;
  for (const auto& layer : *layers_) {
    output.penultimate = hidden;
    hidden = layer->as<CLIPEncoderLayer>()->forward(hidden);
  }
  output.last = hidden;
  return output;
}

}  // namespace medisyn
