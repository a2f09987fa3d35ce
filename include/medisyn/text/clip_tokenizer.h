// CLIP's byte-pair tokenizer: text -> ids.
//
//   text ─ NFC, white space to " ", lower case ─ words ─ bytes as symbols ─ merges by rank ─ ids
//
// The ids are those of transformers' CLIPTokenizer, whose normaliser differs from OpenAI's own (no HTML
// entities, no repair of broken encodings). Sources: transformers, models/clip/tokenization_clip.py; OpenAI
// CLIP, simple_tokenizer.py; Sennrich et al., 2016, https://arxiv.org/abs/1508.07909.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/text/encoding.h"

namespace medisyn {

/// Cheap to copy: the tables are shared and never change.
class ClipTokenizer {
 public:
  /// Reads vocab.json and merges.txt, or tokenizer.json where it stands alone, and where they are there
  /// tokenizer_config.json and special_tokens_map.json (padding token, model_max_length; 77 and end of text
  /// when they do not say). Error naming the file when one is missing or inconsistent.
  static ClipTokenizer load(const std::filesystem::path& folder);

  /// OpenAI's bpe_simple_vocab_16e6.txt.gz, or a merges.txt: 256 bytes, 256 bytes at a word's end, at most
  /// 48,894 merges, start and end of text; with the whole file 49,408 ids, equal to the published vocab.json.
  /// Error FILE:LINE for a line that is no pair.
  static ClipTokenizer from_merges(const std::filesystem::path& file, std::int64_t model_max_length = 77);

  /// Ids with start and end of text, cut at model_max_length, no padding. `text` is UTF-8; a byte sequence
  /// that is not becomes U+FFFD (refuse such files where they are read).
  std::vector<std::int64_t> encode(std::string_view text) const { return encode_with_loss(text).ids; }

  /// The same with a report of what was cut off, which the caller must pass on to the user.
  Encoding encode_with_loss(std::string_view text) const;

  /// Exactly model_max_length ids: encode(), then the padding token.
  std::vector<std::int64_t> encode_padded(std::string_view text) const;

  /// The same tables with another padding token, as SDXL's second tokenizer has "!". Error when the
  /// vocabulary has none of this name.
  ClipTokenizer with_pad_token(const std::string& pad_token) const {
    return ClipTokenizer(tables_, model_max_length_, pad_token);
  }

  std::int64_t model_max_length() const { return model_max_length_; }
  std::int64_t vocab_size() const;
  std::int64_t start_id() const { return start_id_; }
  std::int64_t end_id() const { return end_id_; }
  std::int64_t pad_id() const { return pad_id_; }

  /// Writes vocab.json, merges.txt, tokenizer_config.json and special_tokens_map.json as transformers reads
  /// them.
  void save(const std::filesystem::path& folder) const;

 private:
  struct Tables;

  ClipTokenizer(std::shared_ptr<const Tables> tables, std::int64_t model_max_length,
                const std::string& pad_token);

  /// Ids of `text` without start and end of text.
  std::vector<std::int64_t> tokens(std::string_view text) const;

  /// What ids spell, words parted by spaces.
  std::string spell(std::span<const std::int64_t> ids) const;

  std::shared_ptr<const Tables> tables_;
  std::int64_t model_max_length_;
  std::int64_t start_id_;
  std::int64_t end_id_;
  std::int64_t pad_id_;
};

}  // namespace medisyn
