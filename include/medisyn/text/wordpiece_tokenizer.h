// BERT's WordPiece tokenizer: text -> ids.
//
//   text ─ control characters out, ideographs apart, NFD without accents, lower case ─ words and punctuation
//        ─ longest known pieces from the left ("##" in front of all but a word's first) ─ ids
//
// The ids are those of transformers' BertTokenizer, whose Unicode categories are those of Unicode 8.0.
// Sources: transformers, models/bert/tokenization_bert.py; tokenizers, normalizers/bert.rs and
// pre_tokenizers/bert.rs; Schuster & Nakajima, 2012; Wu et al., 2016, https://arxiv.org/abs/1609.08144.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/text/encoding.h"

namespace medisyn {

/// Cheap to copy: the vocabulary is shared and never changes.
class WordPieceTokenizer {
 public:
  /// Reads vocab.txt, or tokenizer.json where it stands alone, and, where it is there, tokenizer_config.json
  /// (do_lower_case, model_max_length; lower case and `model_max_length` when it does not say). Error naming
  /// the file when it is missing, has a token twice, or lacks one of [UNK] [CLS] [SEP] [PAD].
  static WordPieceTokenizer load(const std::filesystem::path& folder, std::int64_t model_max_length = 512);

  /// Ids with [CLS] and [SEP], cut at model_max_length, no padding. `text` is UTF-8; a byte sequence that is
  /// not becomes U+FFFD, which is dropped.
  std::vector<std::int64_t> encode(std::string_view text) const { return encode_with_loss(text).ids; }

  /// The same with a report of what was cut off, which the caller must pass on to the user.
  Encoding encode_with_loss(std::string_view text) const;

  /// Exactly model_max_length ids: encode(), then [PAD].
  std::vector<std::int64_t> encode_padded(std::string_view text) const;

  /// The same vocabulary with another length, as BiomedCLIP's 256 or 77.
  WordPieceTokenizer with_max_length(std::int64_t model_max_length) const;

  std::int64_t model_max_length() const { return model_max_length_; }
  std::int64_t vocab_size() const;
  std::int64_t pad_id() const;

  /// Writes vocab.txt and tokenizer_config.json as transformers reads them.
  void save(const std::filesystem::path& folder) const;

 private:
  struct Tables;

  WordPieceTokenizer(std::shared_ptr<const Tables> tables, std::int64_t model_max_length);

  /// Ids of `text` without [CLS] and [SEP].
  std::vector<std::int64_t> tokens(std::string_view text) const;
  void add_words(std::string_view text, std::vector<std::int64_t>& ids) const;

  std::shared_ptr<const Tables> tables_;
  std::int64_t model_max_length_;
};

}  // namespace medisyn
