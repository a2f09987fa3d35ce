// BERT's tokenizer against the ids of transformers (scripts/golden/wordpiece.py).
#include "medisyn/text/wordpiece_tokenizer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/text/tokenizer.h"

namespace medisyn {
namespace {

using testing::ElementsAre;

const fs::path kGolden = MEDISYN_TEST_DATA;
constexpr std::int64_t kLength = 64;

fs::path vocabulary_folder() {
  const fs::path folder = fresh_folder();
  write_file(folder / "vocab.txt", read_file(kGolden / "bert_small_vocab.txt"));
  return folder;
}

TEST(WordPieceTokenizer, GivesTheIdsOfTransformers) {
  const auto tokenizer = WordPieceTokenizer::load(vocabulary_folder(), kLength);
  const auto golden = nlohmann::json::parse(read_file(kGolden / "bert_tokens.json"));
  EXPECT_GT(golden["cases"].size(), 90U);
  for (const auto& line : golden["cases"]) {
    EXPECT_EQ(tokenizer.encode(line["text"].get<std::string>()), line["ids"].get<std::vector<std::int64_t>>())
        << line["text"];
  }
  for (const auto& line : golden["long"]) {
    std::string text;
    for (int i = 0; i < line["times"].get<int>(); ++i) {
      text += line["pattern"].get<std::string>();
    }
    const Encoding encoding = tokenizer.encode_with_loss(text);
    EXPECT_EQ(encoding.ids, line["ids"].get<std::vector<std::int64_t>>());
    EXPECT_EQ(encoding.lost_tokens, std::max<std::int64_t>(line["count"].get<std::int64_t>() - kLength, 0));
  }
}

TEST(WordPieceTokenizer, PadsCutsAndNamesWhatWasLost) {
  const auto tokenizer = WordPieceTokenizer::load(vocabulary_folder()).with_max_length(5);
  EXPECT_EQ(tokenizer.pad_id(), 0);
  EXPECT_THAT(tokenizer.encode_padded(""), ElementsAre(2, 3, 0, 0, 0));
  const Encoding encoding = tokenizer.encode_with_loss("the MRI of the dermology chest");
  EXPECT_EQ(encoding.ids.size(), 5U);
  EXPECT_EQ(encoding.lost_tokens, 4);
  EXPECT_EQ(encoding.lost_text, "the dermology chest");
}

TEST(WordPieceTokenizer, SavesWhatItLoads) {
  const fs::path first = vocabulary_folder();
  write_file(first / "tokenizer_config.json", R"({"do_lower_case": false, "model_max_length": 9})");
  const auto tokenizer = WordPieceTokenizer::load(first);
  tokenizer.save(first / "second");
  const auto again = WordPieceTokenizer::load(first / "second");
  EXPECT_EQ(again.model_max_length(), 9);
  EXPECT_EQ(again.encode("a A é"), tokenizer.encode("a A é"));
  EXPECT_NE(tokenizer.encode("a"), tokenizer.encode("A"));
  EXPECT_EQ(read_file(first / "second/vocab.txt"), read_file(first / "vocab.txt"));
}

TEST(WordPieceTokenizer, ReadsTheOneFileOfTransformers5) {
  const fs::path folder = fresh_folder();
  nlohmann::json model = {{"type", "WordPiece"}};
  int id = 0;
  for (const char* token : {"[PAD]", "[UNK]", "[CLS]", "[SEP]", "a", "##b"}) {
    model["vocab"][token] = id++;
  }
  write_file(folder / "tokenizer.json", nlohmann::json{{"model", model}}.dump());
  EXPECT_THAT(Tokenizer::load(folder).encode_with_loss("abb x").ids, ElementsAre(2, 4, 5, 5, 1, 3));
  model["vocab"]["c"] = 9;
  write_file(folder / "tokenizer.json", nlohmann::json{{"model", model}}.dump());
  EXPECT_ERROR(WordPieceTokenizer::load(folder), "\"c\" has the id 9, and there are 7 tokens");
}

TEST(Encoding, MessagesNeverQuoteHalfACharacter) {
  EXPECT_EQ(beginning("aé", 2), "a");
  EXPECT_EQ(beginning("aé", 3), "aé");
  EXPECT_EQ(beginning("日本", 5), "日");
  EXPECT_EQ(beginning("\xa9\xa9", 1), "");
}

TEST(WordPieceTokenizer, MistakesAreNamed) {
  const fs::path folder = fresh_folder();
  EXPECT_ERROR(WordPieceTokenizer::load(folder), "vocab.txt: no such file");
  write_file(folder / "vocab.txt", "[UNK]\n[CLS]\n[SEP]\n");
  EXPECT_ERROR(WordPieceTokenizer::load(folder), "[PAD]");
  write_file(folder / "vocab.txt", "[UNK]\n[CLS]\n[SEP]\n[PAD]\na\n[CLS]\n");
  EXPECT_ERROR(WordPieceTokenizer::load(folder), "vocab.txt:6: \"[CLS]\" stands in line 2 already");
  write_file(folder / "vocab.txt", "[UNK]\n[CLS]\n[SEP]\n[PAD]\n");
  write_file(folder / "tokenizer_config.json", R"({"do_lower_case": "yes"})");
  EXPECT_ERROR(WordPieceTokenizer::load(folder), "do_lower_case: expected true or false");
  write_file(folder / "tokenizer_config.json", R"({"model_max_length": 1})");
  EXPECT_ERROR(WordPieceTokenizer::load(folder), "model_max_length");
}

}  // namespace
}  // namespace medisyn
