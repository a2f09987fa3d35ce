// BiomedCLIP as open_clip builds it: a ViT-B/16 for images and PubMedBERT for texts, projected into one
// space.
//
//   images    ─ visual.trunk ─ visual.head.proj ─ [B, E]
//   input_ids ─ text.transformer ─ class token ─ text.proj (linear, GELU, linear) ─ [B, E]
//
// Source: open_clip, timm_model.py, hf_model.py; Zhang et al., 2023, https://arxiv.org/abs/2303.00915.
// Parameter names are those of its open_clip_model.safetensors.
#pragma once

#include <torch/nn.h>

#include <filesystem>
#include <string>

#include "medisyn/models/bert.h"
#include "medisyn/models/component.h"
#include "medisyn/models/open_clip_config.h"
#include "medisyn/models/vit.h"

namespace medisyn {

/// What open_clip_config.json describes. Defaults are BiomedCLIP's.
struct BiomedClipShape {
  VisionTransformerShape vision = {};
  BertConfig text = {.use_attention_mask = true, .add_pooling_layer = false};
  std::int64_t embed_dim = 512;  ///< E
};

class BiomedClipImpl : public torch::nn::Module {
 public:
  explicit BiomedClipImpl(const BiomedClipShape& shape = {});

  /// [B, 3, 224, 224] normalised by CLIP's mean and deviation -> [B, E], not of unit length
  torch::Tensor encode_image(const torch::Tensor& images);

  /// [B, L] int64, padded -> [B, E], not of unit length
  torch::Tensor encode_text(const torch::Tensor& input_ids);

  const BertModel& text_transformer() const { return transformer_; }

 private:
  torch::Tensor logit_scale_;  ///< []: log of the inverse temperature
  VisionTransformer trunk_;    ///< "visual.trunk"
  Linear head_;                ///< "visual.head.proj"
  BertModel transformer_;      ///< "text.transformer"
  Linear proj_in_;             ///< "text.proj.0"
  Linear proj_out_;            ///< "text.proj.2"
};
TORCH_MODULE(BiomedClip);

/// "" for position_ids, a buffer that files of old transformers carry.
std::string current_key(const BiomedClipImpl&, const std::string& key);

/// BiomedCLIP's folder as its repository holds it: open_clip_config.json and open_clip_model.safetensors or
/// open_clip_pytorch_model.bin.
struct BiomedClipFolder {
  OpenClipConfig config;
  BiomedClip model;
};

/// True where a folder holds an open_clip_config.json.
bool is_open_clip_folder(const std::filesystem::path& folder);

/// The file of its weights. Error when there is none.
std::filesystem::path biomedclip_weights(const std::filesystem::path& folder);

/// Reads it in fp32. Sizes follow from the weights' shapes, every head being 64 wide. Error naming the file
/// for a config of another model, or weights that do not fit.
BiomedClipFolder load_biomedclip(const std::filesystem::path& folder);

/// The text tower as a BertModel that hides padding from the attention: what conditions Stable Diffusion.
Component text_encoder_of(const BiomedClip& model);

}  // namespace medisyn
