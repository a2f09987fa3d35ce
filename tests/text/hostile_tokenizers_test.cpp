// 200 damaged tokenizers: an error with one line, or tables that are still consistent; never a crash or a
// hang.
#include <algorithm>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../mutations.h"
#include "medisyn/core/files.h"
#include "medisyn/text/tokenizer.h"

namespace medisyn {
namespace {

constexpr int kFiles = 25;  ///< of each kind and file
const fs::path kGolden = MEDISYN_TEST_DATA;

/// True when the folder was refused; tokenizes otherwise.
bool is_refused(const fs::path& folder) {
  try {
    const Tokenizer tokenizer = Tokenizer::load(folder);
    for (const std::int64_t id :
         tokenizer.encode("CT of the chest, 3 mm \xC2\xB5 \xF0\x9F\xAB\x81 <|endoftext|> [MASK]")) {
      EXPECT_GE(id, 0);
      EXPECT_LT(id, tokenizer.vocab_size());
    }
    return false;
  } catch (const Error& error) {
    const std::string text = error.what();
    EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 0) << text;
    return true;
  }
}

/// Damages one file of a folder in many ways. Returns how many copies were refused.
int refused_copies(const fs::path& folder, const char* name, std::uint32_t seed) {
  const std::string good = read_file(folder / name);
  EXPECT_FALSE(is_refused(folder));
  Mutations mutations(seed);
  int refused = 0;
  for (int i = 0; i < kFiles; ++i) {
    for (const std::string& bad : {mutations.truncated(good), mutations.overwritten(good, good.size())}) {
      write_file(folder / name, bad);
      refused += is_refused(folder);
    }
  }
  write_file(folder / name, good);
  return refused;
}

TEST(HostileTokenizers, DamagedClipFiles) {
  const fs::path folder = fresh_folder();
  ClipTokenizer::from_merges(kGolden / "clip_small_merges.txt").save(folder);
  EXPECT_GE(refused_copies(folder, "vocab.json", 1), kFiles);
  EXPECT_GE(refused_copies(folder, "merges.txt", 2), 0);  // a shorter list of merges is a list of merges
}

TEST(HostileTokenizers, DamagedWordPieceFiles) {
  const fs::path folder = fresh_folder();
  fs::copy_file(kGolden / "bert_small_vocab.txt", folder / "vocab.txt");
  EXPECT_GE(refused_copies(folder, "vocab.txt", 3), 0);  // a shorter vocabulary may still be one
}

TEST(HostileTokenizers, DamagedTokenizerJson) {
  const fs::path folder = fresh_folder();
  write_file(folder / "tokenizer.json", R"({"model": {"type": "WordPiece", "unk_token": "[UNK]", "vocab":
      {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "ct": 4, "##s": 5, "of": 6}}})");
  EXPECT_GE(refused_copies(folder, "tokenizer.json", 4), kFiles);
}

TEST(HostileTokenizers, DeepJsonIsRefused) {
  const fs::path folder = fresh_folder();
  for (const char open : {'[', '{'}) {
    write_file(folder / "tokenizer.json", "{\"model\": " + std::string(1 << 20, open));
    EXPECT_ERROR(Tokenizer::load(folder), "tokenizer.json: ");
  }
}

}  // namespace
}  // namespace medisyn
