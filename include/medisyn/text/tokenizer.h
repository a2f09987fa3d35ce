// Whichever tokenizer a model's folder holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "medisyn/text/clip_tokenizer.h"
#include "medisyn/text/sentencepiece_tokenizer.h"
#include "medisyn/text/wordpiece_tokenizer.h"

namespace medisyn {

class Tokenizer {
 public:
  Tokenizer(ClipTokenizer tokenizer) : kind_(std::move(tokenizer)) {}
  Tokenizer(WordPieceTokenizer tokenizer) : kind_(std::move(tokenizer)) {}
  Tokenizer(SentencePieceTokenizer tokenizer) : kind_(std::move(tokenizer)) {}

  /// SentencePiece where there is a spiece.model, WordPiece where there is a vocab.txt, CLIP's byte pairs
  /// where there is a vocab.json, one of the latter two where there is a tokenizer.json alone. Error naming
  /// the folder when there is none.
  static Tokenizer load(const std::filesystem::path& folder);

  Encoding encode_with_loss(std::string_view text) const {
    return std::visit([&](const auto& tokenizer) { return tokenizer.encode_with_loss(text); }, kind_);
  }
  std::vector<std::int64_t> encode_padded(std::string_view text) const {
    return std::visit([&](const auto& tokenizer) { return tokenizer.encode_padded(text); }, kind_);
  }
  std::vector<std::int64_t> encode(std::string_view text) const { return encode_with_loss(text).ids; }
  std::int64_t model_max_length() const {
    return std::visit([](const auto& tokenizer) { return tokenizer.model_max_length(); }, kind_);
  }
  std::int64_t vocab_size() const {
    return std::visit([](const auto& tokenizer) { return tokenizer.vocab_size(); }, kind_);
  }

  /// The same tables with another padding token. Error for any but CLIP's.
  Tokenizer with_pad_token(const std::string& pad_token) const;

  /// Writes the files that transformers reads.
  void save(const std::filesystem::path& folder) const {
    std::visit([&](const auto& tokenizer) { tokenizer.save(folder); }, kind_);
  }

  /// transformers' name of it: "CLIPTokenizer", "BertTokenizer" or "T5Tokenizer".
  const char* class_name() const;

 private:
  std::variant<ClipTokenizer, WordPieceTokenizer, SentencePieceTokenizer> kind_;
};

}  // namespace medisyn
