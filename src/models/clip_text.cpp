#include "medisyn/models/clip_text.h"

#include <cmath>
#include <string_view>

namespace medisyn {
namespace {

constexpr std::int64_t kOldEosTokenId = 2;
constexpr std::string_view kPrefix = "text_model.";

/// Standard deviations of CLIPPreTrainedModel._init_weights; biases are zero, norms one and zero.
void draw_parameters(torch::nn::Module& model, const CLIPTextConfig& config) {
  const torch::NoGradGuard no_grad;
  const double factor = config.initializer_factor;
  const double width = 1 / std::sqrt(static_cast<double>(config.hidden_size));
  const double depth = 1 / std::sqrt(2 * static_cast<double>(config.num_hidden_layers));
  for (auto& item : model.named_parameters()) {
    const std::string_view name = item.key();
    torch::Tensor& parameter = item.value();
    if (name.ends_with(".bias")) {
      parameter.zero_();
    } else if (name.ends_with("_embedding.weight")) {
      parameter.normal_(0, 0.02 * factor);
    } else if (name.ends_with("out_proj.weight") || name == "text_projection.weight") {
      parameter.normal_(0, width * factor);
    } else if (name.ends_with("_proj.weight") || name.ends_with("fc2.weight")) {
      parameter.normal_(0, width * depth * factor);
    } else if (name.ends_with("fc1.weight")) {
      parameter.normal_(0, width / std::sqrt(2.0) * factor);
    }
  }
}

}  // namespace

CLIPTextEmbeddingsImpl::CLIPTextEmbeddingsImpl(const CLIPTextConfig& config)
    : token_embedding_(register_module("token_embedding", Embedding(config.vocab_size, config.hidden_size))),
      position_embedding_(register_module("position_embedding",
                                          Embedding(config.max_position_embeddings, config.hidden_size))) {}

torch::Tensor CLIPTextEmbeddingsImpl::forward(const torch::Tensor& input_ids) {
  return token_embedding_(input_ids) + position_embedding_->weight.narrow(0, 0, input_ids.size(1));
}

CLIPTextTransformerImpl::CLIPTextTransformerImpl(const CLIPTextConfig& config)
    : max_position_embeddings_(config.max_position_embeddings),
      eos_token_id_(config.eos_token_id.value_or(kOldEosTokenId)),
      embeddings_(register_module("embeddings", CLIPTextEmbeddings(config))) {
  const CLIPLayerShape layer{.width = config.hidden_size,
                             .intermediate = config.intermediate_size,
                             .heads = config.num_attention_heads,
                             .activation = config.hidden_act,
                             .eps = config.layer_norm_eps,
                             .attention_dropout = config.attention_dropout};
  encoder_ = register_module("encoder", CLIPEncoder(layer, config.num_hidden_layers));
  final_layer_norm_ =
      register_module("final_layer_norm", LayerNorm(config.hidden_size, config.layer_norm_eps));
}

torch::Tensor CLIPTextTransformerImpl::end_positions(const torch::Tensor& input_ids) const {
  const torch::Tensor is_end =
      eos_token_id_ == kOldEosTokenId ? input_ids : (input_ids == eos_token_id_).to(torch::kInt);
  return is_end.argmax(-1);
}

CLIPTextOutput CLIPTextTransformerImpl::forward(const torch::Tensor& input_ids) {
  TORCH_CHECK(input_ids.dim() == 2 && input_ids.size(1) <= max_position_embeddings_,
              "expected input_ids of shape [B, L] with L at most ", max_position_embeddings_, ", got ",
              input_ids.sizes());
  const CLIPEncoderOutput hidden = encoder_(embeddings_(input_ids));
  const torch::Tensor last = final_layer_norm_(hidden.last);
  const torch::Tensor rows = torch::arange(last.size(0), input_ids.options());
  return {.last_hidden_state = last,
          .penultimate = hidden.penultimate,
          .pooled = last.index({rows, end_positions(input_ids)})};
}

CLIPTextModelImpl::CLIPTextModelImpl(const CLIPTextConfig& config) : config_(config) {
  config.check();
  text_model_ = register_module("text_model", CLIPTextTransformer(config));
  if (!UninitialisedParameters::active()) {
    draw_parameters(*this, config);
  }
}

CLIPTextModelWithProjectionImpl::CLIPTextModelWithProjectionImpl(const CLIPTextWithProjectionConfig& config)
    : config_(config) {
  config.check();
  text_model_ = register_module("text_model", CLIPTextTransformer(config));
  text_projection_ = register_module("text_projection",
                                     Linear(config.hidden_size, config.projection_dim, /*has_bias=*/false));
  if (!UninitialisedParameters::active()) {
    draw_parameters(*this, config);
  }
}

CLIPTextOutput CLIPTextModelWithProjectionImpl::outputs(const torch::Tensor& input_ids) {
  CLIPTextOutput output = text_model_(input_ids);
  output.pooled = text_projection_(output.pooled);
  return output;
}

std::string current_key(const CLIPTextModelImpl&, const std::string& key) {
  const std::string name = key.starts_with(kPrefix) ? key : std::string(kPrefix) + key;
  return name == "text_model.embeddings.position_ids" ? "" : name;
}

std::string current_key(const CLIPTextModelWithProjectionImpl&, const std::string& key) {
  return key == "text_model.embeddings.position_ids" ? "" : key;
}

}  // namespace medisyn
