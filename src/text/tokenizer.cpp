#include "medisyn/text/tokenizer.h"

#include <array>

#include "medisyn/core/error.h"
#include "tokenizer_files.h"

namespace medisyn {

Tokenizer Tokenizer::load(const std::filesystem::path& folder) {
  const auto has = [&](const char* name) { return std::filesystem::exists(folder / name); };
  if (has("spiece.model")) {
    return SentencePieceTokenizer::load(folder);
  }
  if (has("vocab.txt")) {
    return WordPieceTokenizer::load(folder);
  }
  if (has("vocab.json")) {
    return ClipTokenizer::load(folder);
  }
  if (has("tokenizer.json")) {
    const nlohmann::json json = read_object(folder / "tokenizer.json");
    const bool is_wordpiece = json.contains("model") && json["model"].is_object() &&
                              json["model"].value("type", nlohmann::json()) == "WordPiece";
    return is_wordpiece ? Tokenizer(WordPieceTokenizer::load(folder))
                        : Tokenizer(ClipTokenizer::load(folder));
  }
  fail(
      "{}: expected a tokenizer (vocab.json and merges.txt of CLIP, vocab.txt of BERT, tokenizer.json of "
      "either, or "
      "SentencePiece's spiece.model), found none",
      folder.string());
}

const char* Tokenizer::class_name() const {
  constexpr std::array<const char*, 3> kNames{"CLIPTokenizer", "BertTokenizer", "T5Tokenizer"};
  return kNames.at(kind_.index());
}

Tokenizer Tokenizer::with_pad_token(const std::string& pad_token) const {
  const auto* clip = std::get_if<ClipTokenizer>(&kind_);
  if (clip == nullptr) {
    fail("a {} has a padding token of its own; expected CLIP's tokenizer, to pad with {}", class_name(),
         pad_token);
  }
  return clip->with_pad_token(pad_token);
}

}  // namespace medisyn
