// open_clip_config.json, as BiomedCLIP's repository holds it. Sizes are not in it: they follow from the names
// of the two towers, and here from the shapes of the weights.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "medisyn/core/config.h"

namespace medisyn {

struct OpenClipVisionConfig {
  std::int64_t image_size = 224;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit.fixed("timm_model_name", std::string("vit_base_patch16_224"));
    visit.ignored("timm_model_pretrained");
    visit.fixed("timm_pool", std::string());
    visit.fixed("timm_proj", std::string("linear"));
    visit("image_size", self.image_size, at_least(1));
  }
};

struct OpenClipTextConfig {
  std::string hf_model_name;
  std::int64_t context_length = 77;  ///< BiomedCLIP: 256

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("hf_model_name", self.hf_model_name, required());
    visit.ignored("hf_tokenizer_name");
    visit.ignored("hf_model_pretrained");
    visit.fixed("hf_proj_type", std::string("mlp"));
    visit.fixed("hf_pooler_type", std::string("cls_last_hidden_state_pooler"));
    visit("context_length", self.context_length, at_least(2));
  }
};

struct OpenClipModelConfig {
  std::int64_t embed_dim = 512;
  OpenClipVisionConfig vision_cfg;
  OpenClipTextConfig text_cfg;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("embed_dim", self.embed_dim, at_least(1));
    visit("vision_cfg", self.vision_cfg);
    visit("text_cfg", self.text_cfg);
  }
};

/// How images are prepared: pixels in 0..1, less mean, over std, by channel.
struct OpenClipPreprocessConfig {
  std::vector<double> mean = {0.48145466, 0.4578275, 0.40821073};
  std::vector<double> std = {0.26862954, 0.26130258, 0.27577711};

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("mean", self.mean);
    visit("std", self.std);
    for (const char* key : {"interpolation", "mode", "resize_mode", "fill_color", "size"}) {
      visit.ignored(key);
    }
  }
};

struct OpenClipConfig {
  OpenClipModelConfig model_cfg;
  OpenClipPreprocessConfig preprocess_cfg;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("model_cfg", self.model_cfg, required());
    visit("preprocess_cfg", self.preprocess_cfg);
  }
};

}  // namespace medisyn
