// Prompt -> what the U-Net sees of it.
//
//   SD      text ─ tokenizer ─ text_encoder ─ last hidden state ─────────────────────── tokens [L, D]
//   SDXL    text ─┬─ tokenizer ─ text_encoder ─ penultimate hidden state ────┐
//                 └─ tokenizer_2 ─ text_encoder_2 ─┬─ penultimate ───────────┴─ tokens [L, D + D2]
//                                                  └─ projected end of text ─── pooled [P]
//
// Source: diffusers, pipelines/stable_diffusion/ and pipelines/stable_diffusion_xl/, encode_prompt().
#pragma once

#include <torch/types.h>

#include <optional>
#include <string>
#include <unordered_map>

#include "medisyn/pipeline/stable_diffusion.h"

namespace medisyn {

struct PromptEmbedding {
  torch::Tensor tokens;  ///< [L, D]
  torch::Tensor pooled;  ///< [P]; undefined in SD
};

/// Encodes each text once and alone, so that its embedding depends on nothing else; keeps the newest few
/// thousand.
class PromptEncoder {
 public:
  /// Shares the model's encoders, which stand on `device`.
  PromptEncoder(const StableDiffusion& model, torch::Device device);

  PromptEmbedding encode(const std::string& text);

  /// A negative prompt. None at all is "", but zeros in an SDXL whose model_index.json has
  /// force_zeros_for_empty_prompt.
  PromptEmbedding encode_negative(const std::optional<std::string>& text);

 private:
  PromptEmbedding compute(const std::string& text);
  torch::Tensor ids(const Tokenizer& tokenizer, const std::string& text) const;  ///< [1, L]

  StableDiffusion model_;
  torch::Device device_;
  std::unordered_map<std::string, PromptEmbedding> known_;
};

}  // namespace medisyn
