// SentencePiece's unigram tokenizer, for models trained from scratch: text -> ids.
//
//   text ─ NFKC, spaces to "▁" ─ most probable pieces ─ ids ─ end of text
//
// Marks stand as in T5: <pad> 0, </s> 1, <unk> 2, no start; transformers loads a saved folder as T5Tokenizer.
// The work is the sentencepiece library's. Sources: Kudo & Richardson, 2018,
// https://arxiv.org/abs/1808.06226; Kudo, 2018, https://arxiv.org/abs/1804.10959.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/text/encoding.h"

namespace medisyn {

/// Cheap to copy: the model is shared and never changes.
class SentencePieceTokenizer {
 public:
  /// Reads spiece.model and, where it is there, tokenizer_config.json (model_max_length; 77 when it does not
  /// say). Error naming the file when it is missing, no SentencePiece model, or one without </s> and <pad>.
  static SentencePieceTokenizer load(const std::filesystem::path& folder);

  /// Learns a vocabulary of `vocab_size` pieces, the same one from the same texts. Error when the texts are
  /// too few for so many.
  static SentencePieceTokenizer train(const std::vector<std::string>& texts, std::int64_t vocab_size,
                                      std::int64_t model_max_length = 77);

  /// Ids with </s>, cut at model_max_length, no padding, and what was cut off. `text` is UTF-8.
  Encoding encode_with_loss(std::string_view text) const;

  /// Exactly model_max_length ids: the same, then <pad>.
  std::vector<std::int64_t> encode_padded(std::string_view text) const;

  std::int64_t model_max_length() const { return model_max_length_; }
  std::int64_t vocab_size() const;

  /// Writes spiece.model and tokenizer_config.json as transformers reads them.
  void save(const std::filesystem::path& folder) const;

 private:
  struct Model;

  SentencePieceTokenizer(std::shared_ptr<const Model> model, std::int64_t model_max_length);

  std::shared_ptr<const Model> model_;
  std::int64_t model_max_length_;
};

}  // namespace medisyn
