#include "medisyn/text/sentencepiece_tokenizer.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/text/tokenizer.h"

namespace medisyn {
namespace {

std::vector<std::string> captions() {
  std::vector<std::string> texts;
  for (const char* plane : {"Axial", "Coronal", "Sagittal"}) {
    for (const char* kind : {"CT", "T1 MRI", "T2 MRI"}) {
      for (const char* part : {"head", "chest", "abdomen", "pelvis"}) {
        texts.push_back(fmt::format("{} {} slice of the {}", plane, kind, part));
      }
    }
  }
  return texts;
}

TEST(SentencePieceTokenizer, LearnsTheCaptionsItWasTrainedOn) {
  const auto tokenizer = SentencePieceTokenizer::train(captions(), 34, 32);
  EXPECT_EQ(tokenizer.vocab_size(), 34);
  const Encoding encoding = tokenizer.encode_with_loss("Coronal CT slice of the chest");
  EXPECT_EQ(encoding.ids.back(), 1);
  EXPECT_EQ(std::count(encoding.ids.begin(), encoding.ids.end(), 2), 0) << "no unknown piece";
  EXPECT_LT(encoding.ids.size(), 29) << "fewer pieces than letters";
  EXPECT_EQ(encoding.lost_tokens, 0);
  const auto padded = tokenizer.encode_padded("CT");
  EXPECT_EQ(padded.size(), 32);
  EXPECT_EQ(padded.back(), 0);
}

TEST(SentencePieceTokenizer, SavedFolderGivesTheSameIds) {
  const fs::path folder = fresh_folder();
  const auto trained = SentencePieceTokenizer::train(captions(), 34, 20);
  trained.save(folder);
  const Tokenizer loaded = Tokenizer::load(folder);
  EXPECT_STREQ(loaded.class_name(), "T5Tokenizer");
  EXPECT_EQ(loaded.model_max_length(), 20);
  for (const char* text : {"Axial T1 MRI slice of the head", "", "é \xF0\x9F\xAB\x81 unseen"}) {
    EXPECT_EQ(loaded.encode(text), trained.encode_with_loss(text).ids) << text;
  }
  SentencePieceTokenizer::train(captions(), 34, 20).save(folder / "again");
  EXPECT_EQ(read_file(folder / "again/spiece.model"), read_file(folder / "spiece.model"));
}

TEST(SentencePieceTokenizer, ReportsWhatIsCutOff) {
  const auto tokenizer = SentencePieceTokenizer::train(captions(), 34, 4);
  const Encoding encoding = tokenizer.encode_with_loss("Axial CT slice of the pelvis");
  EXPECT_EQ(encoding.ids.size(), 4);
  EXPECT_GT(encoding.lost_tokens, 0);
  EXPECT_THAT(encoding.lost_text, testing::HasSubstr("pelvis"));
}

TEST(SentencePieceTokenizer, RefusesWhatIsNoModel) {
  const fs::path folder = fresh_folder();
  EXPECT_ERROR(SentencePieceTokenizer::load(folder), "spiece.model");
  for (const char* bytes : {"", "not a model", "\x0a\xff\xff\xff\xff\x0f"}) {
    write_file(folder / "spiece.model", bytes);
    EXPECT_ERROR(SentencePieceTokenizer::load(folder), "spiece.model: not a SentencePiece model");
  }
  EXPECT_ERROR(SentencePieceTokenizer::train(captions(), 100000),
               "cannot be learned from 36 texts: Vocabulary size too high");
  EXPECT_ERROR(SentencePieceTokenizer::train(captions(), 34, 1), "expected at least 2");
}

}  // namespace
}  // namespace medisyn
