// text_encoder/config.json of transformers.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "medisyn/core/config.h"
#include "medisyn/models/transformers_config.h"

namespace medisyn {

/// Defaults are those of transformers' CLIPTextConfig; CLIP ViT-L/14 (SD 1.x) has hidden_size 768,
/// intermediate_size 3072, 12 layers and 12 heads.
struct CLIPTextConfig {
  std::int64_t vocab_size = 49408;
  std::int64_t hidden_size = 512;
  std::int64_t intermediate_size = 2048;
  std::int64_t projection_dim = 512;  ///< kept for those who project; the last hidden state does not use it
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 8;
  std::int64_t max_position_embeddings = 77;
  std::string hidden_act = "quick_gelu";
  double layer_norm_eps = 1e-5;
  double attention_dropout = 0;
  double initializer_range = 0.02;
  double initializer_factor = 1;
  std::optional<std::int64_t> pad_token_id = 1;
  std::optional<std::int64_t> bos_token_id = 49406;
  std::optional<std::int64_t> eos_token_id = 49407;

  /// Error naming the key when the width cannot be divided into heads.
  void check() const;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("vocab_size", self.vocab_size, at_least(1));
    visit("hidden_size", self.hidden_size, at_least(1));
    visit("intermediate_size", self.intermediate_size, at_least(1));
    visit("projection_dim", self.projection_dim, at_least(1));
    visit("num_hidden_layers", self.num_hidden_layers, at_least(1));
    visit("num_attention_heads", self.num_attention_heads, at_least(1));
    visit("max_position_embeddings", self.max_position_embeddings, at_least(1));
    visit("hidden_act", self.hidden_act, one_of({"quick_gelu", "gelu"}));
    visit("layer_norm_eps", self.layer_norm_eps, in_range(0, 1));
    visit("attention_dropout", self.attention_dropout, in_range(0, 1));
    visit("initializer_range", self.initializer_range, at_least(0));
    visit("initializer_factor", self.initializer_factor, at_least(0));
    visit("pad_token_id", self.pad_token_id);
    visit("bos_token_id", self.bos_token_id);
    visit("eos_token_id", self.eos_token_id);
    visit.ignored("dropout");
    transformers_fields(visit);
  }
};

}  // namespace medisyn
