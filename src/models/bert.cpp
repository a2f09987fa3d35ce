#include "medisyn/models/bert.h"

#include <string_view>

#include "medisyn/nn/level.h"

namespace medisyn {
namespace {

/// Biases zero, norms one and zero, everything else from N(0, initializer_range^2), the padding's embedding
/// zero (BertPreTrainedModel._init_weights).
void draw_parameters(torch::nn::Module& model, const BertConfig& config) {
  const torch::NoGradGuard no_grad;
  for (auto& item : model.named_parameters()) {
    const std::string_view name = item.key();
    if (name.ends_with(".bias")) {
      item.value().zero_();
    } else if (!name.ends_with("LayerNorm.weight")) {
      item.value().normal_(0, config.initializer_range);
    }
    if (name.ends_with("word_embeddings.weight") && config.pad_token_id) {
      item.value()[*config.pad_token_id].zero_();
    }
  }
}

}  // namespace

BertEmbeddingsImpl::BertEmbeddingsImpl(const BertConfig& config)
    : dropout_(config.hidden_dropout_prob),
      word_embeddings_(register_module("word_embeddings", Embedding(config.vocab_size, config.hidden_size,
                                                                    config.pad_token_id.value_or(-1)))),
      position_embeddings_(register_module("position_embeddings",
                                           Embedding(config.max_position_embeddings, config.hidden_size))),
      token_type_embeddings_(
          register_module("token_type_embeddings", Embedding(config.type_vocab_size, config.hidden_size))),
      norm_(register_module("LayerNorm", LayerNorm(config.hidden_size, config.layer_norm_eps))) {}

torch::Tensor BertEmbeddingsImpl::forward(const torch::Tensor& input_ids) {
  const torch::Tensor sum = word_embeddings_(input_ids) + token_type_embeddings_->weight[0] +
                            position_embeddings_->weight.narrow(0, 0, input_ids.size(1));
  return torch::dropout(norm_(sum), dropout_, is_training());
}

BertOutputImpl::BertOutputImpl(std::int64_t in, const BertConfig& config)
    : dropout_(config.hidden_dropout_prob),
      dense_(register_module("dense", Linear(in, config.hidden_size))),
      norm_(register_module("LayerNorm", LayerNorm(config.hidden_size, config.layer_norm_eps))) {}

torch::Tensor BertOutputImpl::forward(const torch::Tensor& hidden, const torch::Tensor& residual) {
  return norm_(torch::dropout(dense_(hidden), dropout_, is_training()) + residual);
}

BertLayerImpl::BertLayerImpl(const BertConfig& config)
    : config_(config),
      query_(config.hidden_size, config.hidden_size),
      key_(config.hidden_size, config.hidden_size),
      value_(config.hidden_size, config.hidden_size),
      attention_output_(config.hidden_size, config),
      intermediate_(config.hidden_size, config.intermediate_size),
      output_(register_module("output", BertOutput(config.intermediate_size, config))) {
  torch::nn::Module& attention = add_level(*this, "attention");
  torch::nn::Module& self = add_level(attention, "self");
  self.register_module("query", query_);
  self.register_module("key", key_);
  self.register_module("value", value_);
  attention.register_module("output", attention_output_);
  add_level(*this, "intermediate").register_module("dense", intermediate_);
}

torch::Tensor BertLayerImpl::forward(const torch::Tensor& hidden, const torch::Tensor& mask) {
  const AttentionOptions options{.dropout = is_training() ? config_.attention_probs_dropout_prob : 0,
                                 .mask = mask};
  const torch::Tensor mixed =
      attend(query_(hidden), key_(hidden), value_(hidden), config_.num_attention_heads, options);
  const torch::Tensor attended = attention_output_(mixed, hidden);
  return output_(torch::gelu(intermediate_(attended)), attended);
}

BertModelImpl::BertModelImpl(const BertConfig& config) : config_(config) {
  config.check();
  embeddings_ = register_module("embeddings", BertEmbeddings(config));
  add_level(*this, "encoder").register_module("layer", layers_);
  for (std::int64_t i = 0; i < config.num_hidden_layers; ++i) {
    layers_->push_back(BertLayer(config));
  }
  if (config.add_pooling_layer) {
    pooler_ = Linear(config.hidden_size, config.hidden_size);
    add_level(*this, "pooler").register_module("dense", pooler_);
  }
  if (!UninitialisedParameters::active()) {
    draw_parameters(*this, config);
  }
}

torch::Tensor BertModelImpl::forward(const torch::Tensor& input_ids) {
  TORCH_CHECK(input_ids.dim() == 2 && input_ids.size(1) <= config_.max_position_embeddings,
              "expected input_ids of shape [B, L] with L at most ", config_.max_position_embeddings, ", got ",
              input_ids.sizes());
  torch::Tensor mask;
  if (config_.use_attention_mask && config_.pad_token_id) {
    mask = (input_ids != *config_.pad_token_id).unsqueeze(1).unsqueeze(1);  // [B, 1, 1, L]
  }
  torch::Tensor hidden = embeddings_(input_ids);
  for (const auto& layer : *layers_) {
    hidden = layer->as<BertLayer>()->forward(hidden, mask);
  }
  return hidden;
}

std::string current_key(const BertModelImpl& model, const std::string& key) {
  constexpr std::string_view kPrefix = "bert.";
  const std::string name = key.starts_with(kPrefix) ? key.substr(kPrefix.size()) : key;
  const bool is_unused = name == "embeddings.position_ids" || name.starts_with("cls.") ||
                         (name.starts_with("pooler.") && !model.config().add_pooling_layer);
  return is_unused ? "" : name;
}

}  // namespace medisyn
