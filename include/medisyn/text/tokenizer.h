// Whichever tokenizer a model's folder holds.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>
#include <variant>
#include <vector>

#include "medisyn/text/clip_tokenizer.h"
#include "medisyn/text/wordpiece_tokenizer.h"

namespace medisyn {

class Tokenizer {
 public:
  Tokenizer(ClipTokenizer tokenizer) : kind_(std::move(tokenizer)) {}
  Tokenizer(WordPieceTokenizer tokenizer) : kind_(std::move(tokenizer)) {}

  /// WordPiece where there is a vocab.txt, CLIP's byte pairs where there is a vocab.json. Error naming the
  /// folder when there is neither.
  static Tokenizer load(const std::filesystem::path& folder);

  Encoding encode_with_loss(std::string_view text) const {
    return std::visit([&](const auto& tokenizer) { return tokenizer.encode_with_loss(text); }, kind_);
  }
  std::vector<std::int64_t> encode_padded(std::string_view text) const {
    return std::visit([&](const auto& tokenizer) { return tokenizer.encode_padded(text); }, kind_);
  }
  std::int64_t model_max_length() const {
    return std::visit([](const auto& tokenizer) { return tokenizer.model_max_length(); }, kind_);
  }

 private:
  std::variant<ClipTokenizer, WordPieceTokenizer> kind_;
};

}  // namespace medisyn
