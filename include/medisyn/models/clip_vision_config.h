// vision_config of a CLIP folder's config.json, as transformers writes it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "medisyn/core/config.h"

namespace medisyn {

/// Defaults are transformers', those of ViT-B/32.
struct CLIPVisionConfig {
  std::int64_t hidden_size = 768;
  std::int64_t intermediate_size = 3072;
  std::int64_t projection_dim = 512;
  std::int64_t num_hidden_layers = 12;
  std::int64_t num_attention_heads = 12;
  std::int64_t image_size = 224;
  std::int64_t patch_size = 32;
  std::string hidden_act = "quick_gelu";
  double layer_norm_eps = 1e-5;

  /// Error naming the key when the width cannot be divided into heads.
  void check() const;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("hidden_size", self.hidden_size, at_least(1));
    visit("intermediate_size", self.intermediate_size, at_least(1));
    visit("projection_dim", self.projection_dim, at_least(1));
    visit("num_hidden_layers", self.num_hidden_layers, at_least(1));
    visit("num_attention_heads", self.num_attention_heads, at_least(1));
    visit("image_size", self.image_size, at_least(1));
    visit("patch_size", self.patch_size, at_least(1));
    visit("hidden_act", self.hidden_act, one_of({"quick_gelu", "gelu"}));
    visit("layer_norm_eps", self.layer_norm_eps, in_range(0, 1));
  }
};

/// Out of the config.json of a CLIPModel, or of a CLIPVisionModelWithProjection. Files of older transformers
/// hold every option of text generation beside the architecture: keys that are not named above are passed
/// over. Error for another model.
CLIPVisionConfig read_clip_vision_config(const std::filesystem::path& file);

}  // namespace medisyn
