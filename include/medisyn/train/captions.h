// The texts of a training, and what their encoders make of them.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "medisyn/data/dataset.h"
#include "medisyn/pipeline/stable_diffusion.h"

namespace medisyn {

/// The unique captions of some data sets in order, tokenised once; "" is the last.
class CaptionTable {
 public:
  /// A caption that is too long for the tokenizer is named in a warning.
  CaptionTable(const std::vector<const ImageDataset*>& datasets, const StableDiffusion& model);

  std::int64_t size() const { return std::ssize(texts_); }
  std::int64_t row(const std::string& text) const { return rows_.at(text); }
  const std::vector<std::string>& texts() const { return texts_; }

  torch::Tensor ids;         ///< [U, L] int64
  torch::Tensor second_ids;  ///< [U, L] of SDXL's second tokenizer, or undefined

 private:
  std::vector<std::string> texts_;
  std::map<std::string, std::int64_t> rows_;
};

/// What a U-Net sees of texts.
struct TextConditions {
  torch::Tensor tokens;  ///< [B, L, D]
  torch::Tensor pooled;  ///< [B, P] of SDXL, or undefined
};

/// Stands for "" where it is zeros and not the encoded empty text: a row of no caption.
inline constexpr std::int64_t kZeros = -1;

/// Encodes rows of a table, as PromptEncoder of pipeline/ does for generation.
class CaptionEncoder {
 public:
  /// `trained`: the model's first encoder itself, which moves to `device`, computes in `precision` and whose
  /// parameters get gradients; else a frozen copy of that dtype. Of SDXL the second is always frozen.
  CaptionEncoder(const StableDiffusion& model, bool trained, torch::Device device,
                 const std::string& precision);

  /// Each unique row is encoded once. `rows` [B] int64 on the CPU, kZeros among them.
  TextConditions encode(const CaptionTable& table, const torch::Tensor& rows);

 private:
  TextConditions encode_unique(const CaptionTable& table, const torch::Tensor& rows);

  bool trained_;
  torch::Device device_;
  std::string precision_;
  TextEncoder first_;
  CLIPTextModelWithProjection second_{nullptr};  ///< of SDXL
};

/// Conditions without the rows that are kZeros, which become zeros. `conditions` has B rows.
TextConditions with_zeros(TextConditions conditions, const torch::Tensor& rows);

}  // namespace medisyn
