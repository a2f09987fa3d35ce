// What turns token ids into the vectors that a U-Net attends to, whichever family it is of.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "medisyn/models/bert.h"
#include "medisyn/models/clip_text.h"

namespace medisyn {

/// Stable Diffusion's CLIP, or BiomedCLIP's PubMedBERT. Copies share one model.
class TextEncoder {
 public:
  TextEncoder(CLIPTextModel model) : kind_(std::move(model)) {}
  TextEncoder(BertModel model) : kind_(std::move(model)) {}

  /// The class that config.json names. Errors of load_component(), and for any other class.
  static TextEncoder load(const std::filesystem::path& folder, torch::ScalarType dtype = torch::kFloat);

  /// Writes what diffusers and transformers load.
  void save(const std::filesystem::path& folder) const;

  /// The last hidden state. [B, L] int64 -> [B, L, D]
  torch::Tensor forward(const torch::Tensor& input_ids);

  /// What the last layer sees, as SDXL takes it; CLIP alone. [B, L] int64 -> [B, L, D]
  torch::Tensor penultimate(const torch::Tensor& input_ids);

  /// The model as a module: to(), train(), named_parameters().
  torch::nn::Module* operator->() const { return &module(); }
  torch::nn::Module& operator*() const { return module(); }

  /// Those of models/frozen_copy.h.
  TextEncoder shallow_copy() const;
  TextEncoder frozen_copy(torch::Device device, torch::ScalarType dtype) const;

  /// The parameters that forward() or, if `of_penultimate`, penultimate() depends on, by name: not those of a
  /// pooler or of layers above.
  std::vector<std::pair<std::string, torch::Tensor>> used_parameters(bool of_penultimate) const;

  std::string class_name() const;                ///< "CLIPTextModel" or "BertModel"
  std::int64_t hidden_size() const;              ///< D
  std::int64_t vocab_size() const;               ///< ids are below
  std::int64_t max_position_embeddings() const;  ///< L is at most

 private:
  torch::nn::Module& module() const;

  std::variant<CLIPTextModel, BertModel> kind_;
};

}  // namespace medisyn
