// config.json of transformers' BertModel.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "medisyn/core/config.h"
#include "medisyn/models/transformers_config.h"

namespace medisyn {

/// Defaults are those of transformers' BertConfig, which are PubMedBERT's (BiomedCLIP's text tower) too.
struct BertConfig {
  std::int64_t vocab_size = 30522;
  std::int64_t hidden_size = 768;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t intermediate_size = 3072;
  double hidden_dropout_prob = 0.1;
  double attention_probs_dropout_prob = 0.1;
  std::int64_t max_position_embeddings = 512;
  std::int64_t type_vocab_size = 2;
  double initializer_range = 0.02;
  double layer_norm_eps = 1e-12;
  std::optional<std::int64_t> pad_token_id = 0;
  /// Padding hidden from the attention, as open_clip trained BiomedCLIP. diffusers passes the mask only when
  /// this key says so, and none where it is absent.
  bool use_attention_mask = false;
  /// BertModel's pooler, which nothing here uses; open_clip's BiomedCLIP has none. A key of ours.
  bool add_pooling_layer = true;

  /// Error naming the key when the width cannot be divided into heads.
  void check() const;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("vocab_size", self.vocab_size, at_least(1));
    visit("hidden_size", self.hidden_size, at_least(1));
    visit("num_hidden_layers", self.num_hidden_layers, at_least(1));
    visit("num_attention_heads", self.num_attention_heads, at_least(1));
    visit("intermediate_size", self.intermediate_size, at_least(1));
    visit.fixed("hidden_act", std::string("gelu"));
    visit("hidden_dropout_prob", self.hidden_dropout_prob, in_range(0, 1));
    visit("attention_probs_dropout_prob", self.attention_probs_dropout_prob, in_range(0, 1));
    visit("max_position_embeddings", self.max_position_embeddings, at_least(1));
    visit("type_vocab_size", self.type_vocab_size, at_least(1));
    visit("initializer_range", self.initializer_range, at_least(0));
    visit("layer_norm_eps", self.layer_norm_eps, in_range(0, 1));
    visit("pad_token_id", self.pad_token_id);
    visit("use_attention_mask", self.use_attention_mask);
    visit("add_pooling_layer", self.add_pooling_layer);
    visit.fixed("position_embedding_type", std::string("absolute"));
    for (const char* key : {"bos_token_id", "classifier_dropout", "eos_token_id", "gradient_checkpointing"}) {
      visit.ignored(key);
    }
    transformers_fields(visit);
  }
};

}  // namespace medisyn
