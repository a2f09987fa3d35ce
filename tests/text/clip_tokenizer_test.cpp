// CLIP's tokenizer against the ids of transformers (scripts/golden/tokenizer.py).
#include "medisyn/text/clip_tokenizer.h"

#include <gmock/gmock.h>

#include <chrono>
#include <nlohmann/json.hpp>
#include <sstream>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/text/tokenizer.h"

namespace medisyn {
namespace {

using testing::ElementsAre;

const fs::path kGolden = MEDISYN_TEST_DATA;
const fs::path kPublished = fs::path(MEDISYN_SOURCE) / "quickstart/data/clip/bpe_simple_vocab_16e6.txt.gz";

ClipTokenizer small_tokenizer(std::int64_t max_length = 77) {
  return ClipTokenizer::from_merges(kGolden / "clip_small_merges.txt", max_length);
}

nlohmann::json golden() { return nlohmann::json::parse(read_file(kGolden / "clip_tokens.json")); }

std::string repeated(const std::string& pattern, int times) {
  std::string text;
  for (int i = 0; i < times; ++i) {
    text += pattern;
  }
  return text;
}

void expect_golden_ids(const ClipTokenizer& tokenizer, const char* vocabulary) {
  int cases = 0;
  const auto all = golden();
  for (const auto& line : all["cases"]) {
    EXPECT_EQ(tokenizer.encode(line["text"].get<std::string>()),
              line[vocabulary].get<std::vector<std::int64_t>>())
        << line["text"];
    ++cases;
  }
  EXPECT_GT(cases, 80);
  for (const auto& line : all["long"]) {
    const auto encoding = tokenizer.encode_with_loss(repeated(line["pattern"], line["times"]));
    EXPECT_EQ(encoding.ids, line[vocabulary].get<std::vector<std::int64_t>>());
    EXPECT_EQ(encoding.lost_tokens + 77, line[std::string(vocabulary) + "_count"].get<std::int64_t>());
  }
}

TEST(ClipTokenizer, SmallVocabularyGivesTheIdsOfTransformers) {
  expect_golden_ids(small_tokenizer(), "small");
}

TEST(ClipTokenizer, PublishedVocabularyGivesTheIdsOfTransformers) {
  if (!fs::exists(kPublished)) {
    GTEST_SKIP() << "scripts/fetch_quickstart_data.sh brings " << kPublished;
  }
  const auto tokenizer = ClipTokenizer::from_merges(kPublished);
  EXPECT_EQ(tokenizer.vocab_size(), 49408);
  EXPECT_EQ(tokenizer.start_id(), 49406);
  EXPECT_EQ(tokenizer.end_id(), 49407);
  expect_golden_ids(tokenizer, "full");
}

TEST(ClipTokenizer, SavedFolderGivesTheSameIds) {
  const fs::path folder = fresh_folder();
  const auto tokenizer = small_tokenizer(20);
  tokenizer.save(folder);
  const auto loaded = ClipTokenizer::load(folder);
  EXPECT_EQ(loaded.vocab_size(), 512 + 400 + 2);
  EXPECT_EQ(loaded.model_max_length(), 20);
  EXPECT_EQ(loaded.pad_id(), tokenizer.end_id());
  const auto all = golden();
  for (const auto& line : all["cases"]) {
    const auto text = line["text"].get<std::string>();
    EXPECT_EQ(loaded.encode(text), tokenizer.encode(text)) << text;
  }
}

TEST(ClipTokenizer, LongTextIsCutAndTheLossReported) {
  const auto tokenizer = small_tokenizer(6);
  const auto encoding = tokenizer.encode_with_loss("a a a a b µ");
  EXPECT_EQ(encoding.ids.size(), 6);
  EXPECT_EQ(encoding.ids.front(), tokenizer.start_id());
  EXPECT_EQ(encoding.ids.back(), tokenizer.end_id());
  EXPECT_EQ(encoding.lost_text, "b µ");
  EXPECT_GE(encoding.lost_tokens, 2);
  const auto whole = tokenizer.encode_with_loss("a a a a");
  EXPECT_EQ(whole.lost_tokens, 0);
  EXPECT_EQ(whole.lost_text, "");
}

TEST(ClipTokenizer, PadsToTheModelsLength) {
  const auto tokenizer = small_tokenizer(5);
  const auto ids = tokenizer.encode_padded("a");
  EXPECT_THAT(ids, ElementsAre(tokenizer.start_id(), 320, tokenizer.end_id(), tokenizer.end_id(),
                               tokenizer.end_id()));
}

TEST(ClipTokenizer, PaddingTokenComesFromTheConfigAndIsAMarkInTheText) {
  const fs::path folder = fresh_folder();
  small_tokenizer(5).save(folder);
  write_file(folder / "tokenizer_config.json",
             R"({"pad_token": {"content": "!"}, "model_max_length": 1e30})");
  const auto tokenizer = ClipTokenizer::load(folder);
  EXPECT_EQ(tokenizer.pad_id(), 0);
  EXPECT_EQ(tokenizer.model_max_length(), 77);
  EXPECT_THAT(tokenizer.encode("a!a"), ElementsAre(tokenizer.start_id(), 320, 0, 320, tokenizer.end_id()));
  EXPECT_EQ(tokenizer.encode_padded("a").back(), 0);
}

TEST(ClipTokenizer, BytesThatAreNoUtf8BecomeTheReplacementCharacter) {
  const auto tokenizer = small_tokenizer();
  EXPECT_EQ(tokenizer.encode("a\xff"), tokenizer.encode("a\xef\xbf\xbd"));
}

TEST(ClipTokenizer, OneWordOfAMegabyteTakesLessThanSeconds) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_GT(small_tokenizer().encode_with_loss(std::string(1 << 20, 'e')).lost_tokens, 1000);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

TEST(ClipTokenizer, RefusesBrokenFiles) {
  const fs::path folder = fresh_folder();
  EXPECT_ERROR(ClipTokenizer::load(folder), "vocab.json: no such file");
  const fs::path vocabulary = folder / "vocab.json";
  write_file(folder / "merges.txt", "#version: 0.2\na b\n");
  write_file(vocabulary, "[1, 2");
  EXPECT_ERROR(ClipTokenizer::load(folder), "vocab.json: expected a JSON object");
  write_file(vocabulary, R"({"a": 1.5})");
  EXPECT_ERROR(ClipTokenizer::load(folder), "vocab.json: a: expected an id");
  write_file(vocabulary, R"({"a": 1, "b": 1})");
  EXPECT_ERROR(ClipTokenizer::load(folder), "the id 1 is given to both \"a\" and \"b\"");
  write_file(vocabulary, R"({"a": 0, "b": 1})");
  EXPECT_ERROR(ClipTokenizer::load(folder), "expected CLIP's token <|startoftext|>");
  write_file(vocabulary, R"({"a": 0, "b": 1, "<|startoftext|>": 2, "<|endoftext|>": 3})");
  EXPECT_ERROR(ClipTokenizer::load(folder), "needs the symbol \"ab\"");
  write_file(folder / "merges.txt", "#version: 0.2\na b\nabc\n");
  EXPECT_ERROR(ClipTokenizer::load(folder), "merges.txt:3: expected two symbols");
  write_file(folder / "merges.txt", "#version: 0.2\n");
  write_file(folder / "tokenizer_config.json", R"({"pad_token": "?"})");
  EXPECT_ERROR(ClipTokenizer::load(folder), "pad_token: \"?\" is not in the vocabulary");
  write_file(folder / "tokenizer_config.json", R"({"model_max_length": 1})");
  EXPECT_ERROR(ClipTokenizer::load(folder),
               "model_max_length: expected a whole number of at least 2, found 1");
}

TEST(ClipTokenizer, ReadsTheOneFileOfTransformers5) {
  const fs::path folder = fresh_folder();
  const auto tokenizer = small_tokenizer();
  tokenizer.save(folder / "two");
  nlohmann::json model = {{"type", "BPE"}};
  model["vocab"] = nlohmann::json::parse(read_file(folder / "two/vocab.json"));
  std::istringstream lines(read_file(folder / "two/merges.txt"));
  for (std::string line; std::getline(lines, line);) {
    if (const auto space = line.find(' '); !line.starts_with('#')) {
      model["merges"].push_back({line.substr(0, space), line.substr(space + 1)});
    }
  }
  const auto write = [&] {
    write_file(folder / "one/tokenizer.json", nlohmann::json{{"model", model}}.dump());
  };
  fs::create_directories(folder / "one");
  write();
  const std::string text = "Dermoscopy image showing melanoma, naïve";
  EXPECT_EQ(ClipTokenizer::load(folder / "one").encode(text), tokenizer.encode(text));
  EXPECT_EQ(Tokenizer::load(folder / "one").encode_padded(text), tokenizer.encode_padded(text));
  model["merges"][1] = "t h";  // older files
  write();
  EXPECT_EQ(ClipTokenizer::load(folder / "one").encode(text), tokenizer.encode(text));
  model["merges"][2] = {"a"};
  write();
  EXPECT_ERROR(ClipTokenizer::load(folder / "one"), "model.merges[2]: expected a pair");
  model["type"] = "Unigram";
  write();
  EXPECT_ERROR(ClipTokenizer::load(folder / "one"), "model.type: expected BPE, found \"Unigram\"");
}

TEST(ClipTokenizer, RefusesBrokenMerges) {
  const fs::path folder = fresh_folder();
  EXPECT_ERROR(ClipTokenizer::from_merges(folder / "none.txt"), "none.txt");
  write_file(folder / "cut.gz", std::string("\x1f\x8b\x08\x00\x00", 5));
  EXPECT_ERROR(ClipTokenizer::from_merges(folder / "cut.gz"), "expected a whole gzip file");
  write_file(folder / "twice.txt", "a b\na b\n");
  EXPECT_ERROR(ClipTokenizer::from_merges(folder / "twice.txt"), "two merges make the same symbol \"ab\"");
  EXPECT_ERROR(small_tokenizer(1), "model_max_length 1");
}

}  // namespace
}  // namespace medisyn
