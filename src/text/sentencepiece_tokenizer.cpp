#include "medisyn/text/sentencepiece_tokenizer.h"

#include <sentencepiece_processor.h>
#include <sentencepiece_trainer.h>

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "tokenizer_files.h"

namespace medisyn {
namespace {

constexpr const char* kModelFile = "spiece.model";
constexpr std::int64_t kDefaultMaxLength = 77;

class Texts : public sentencepiece::SentenceIterator {
 public:
  explicit Texts(const std::vector<std::string>& texts) : texts_(texts) {}

  bool done() const override { return at_ >= texts_.size(); }
  void Next() override { ++at_; }
  const std::string& value() const override { return texts_[at_]; }
  sentencepiece::util::Status status() const override { return {}; }

 private:
  const std::vector<std::string>& texts_;
  std::size_t at_ = 0;
};

/// The library's messages hold a line of its own source in front ("x.cc(660) [a == b] ") and may have several
/// lines.
std::string reason(const sentencepiece::util::Status& status) {
  const std::string_view message = status.error_message();
  const std::size_t source = message.find("] ");
  std::string text(source == std::string_view::npos ? message : message.substr(source + 2));
  std::replace(text.begin(), text.end(), '\n', ' ');
  return text;
}

}  // namespace

struct SentencePieceTokenizer::Model {
  Model(std::string the_bytes, const std::string& where) : bytes(std::move(the_bytes)) {
    // The library takes an empty file for a model without pieces.
    const auto status = processor.LoadFromSerializedProto(bytes);
    if (!status.ok() || processor.GetPieceSize() == 0) {
      fail("{}: not a SentencePiece model", where);
    }
    if (processor.eos_id() < 0 || processor.pad_id() < 0) {
      fail("{}: expected a model with the pieces </s> and <pad>, as T5's", where);
    }
  }

  std::string bytes;
  sentencepiece::SentencePieceProcessor processor;
};

SentencePieceTokenizer::SentencePieceTokenizer(std::shared_ptr<const Model> model,
                                               std::int64_t model_max_length)
    : model_(std::move(model)), model_max_length_(model_max_length) {
  if (model_max_length < 2) {
    fail("model_max_length {}: expected at least 2, for a piece and the end of text", model_max_length);
  }
}

SentencePieceTokenizer SentencePieceTokenizer::load(const std::filesystem::path& folder) {
  const auto file = folder / kModelFile;
  const auto config_file = folder / "tokenizer_config.json";
  auto model = std::make_shared<const Model>(read_file(file), file.string());
  return {std::move(model), max_length_in(read_object(config_file), config_file, kDefaultMaxLength)};
}

SentencePieceTokenizer SentencePieceTokenizer::train(const std::vector<std::string>& texts,
                                                     std::int64_t vocab_size, std::int64_t model_max_length) {
  const std::unordered_map<std::string, std::string> options{
      {"model_type", "unigram"}, {"vocab_size", std::to_string(vocab_size)},
      {"pad_id", "0"},           {"eos_id", "1"},
      {"unk_id", "2"},           {"bos_id", "-1"},
      {"num_threads", "1"},      {"max_sentence_length", "1048576"},
      {"minloglevel", "2"},      {"character_coverage", "1.0"}};
  Texts iterator(texts);
  std::string bytes;
  const auto status = sentencepiece::SentencePieceTrainer::Train(options, &iterator, &bytes);
  if (!status.ok()) {
    fail("a vocabulary of {} pieces cannot be learned from {} texts: {}", vocab_size, texts.size(),
         reason(status));
  }
  return {std::make_shared<const Model>(std::move(bytes), "the trained model"), model_max_length};
}

std::int64_t SentencePieceTokenizer::vocab_size() const { return model_->processor.GetPieceSize(); }

Encoding SentencePieceTokenizer::encode_with_loss(std::string_view text) const {
  std::vector<int> pieces;
  const auto status = model_->processor.Encode(text, &pieces);
  if (!status.ok()) {
    fail("a text cannot be tokenized: {}", reason(status));
  }
  const std::size_t kept = std::min(pieces.size(), static_cast<std::size_t>(model_max_length_ - 1));
  Encoding encoding;
  encoding.ids.assign(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(kept));
  encoding.ids.push_back(model_->processor.eos_id());
  encoding.lost_tokens = static_cast<std::int64_t>(pieces.size() - kept);
  if (encoding.lost_tokens > 0) {
    pieces.erase(pieces.begin(), pieces.begin() + static_cast<std::ptrdiff_t>(kept));
    model_->processor.Decode(pieces, &encoding.lost_text).IgnoreError();
  }
  return encoding;
}

std::vector<std::int64_t> SentencePieceTokenizer::encode_padded(std::string_view text) const {
  std::vector<std::int64_t> ids = encode_with_loss(text).ids;
  ids.resize(static_cast<std::size_t>(model_max_length_), model_->processor.pad_id());
  return ids;
}

void SentencePieceTokenizer::save(const std::filesystem::path& folder) const {
  std::filesystem::create_directories(folder);
  write_file(folder / kModelFile, model_->bytes);
  Json config = Json::object();
  config["tokenizer_class"] = "T5Tokenizer";
  config["model_max_length"] = model_max_length_;
  config["extra_ids"] = 0;
  config["eos_token"] = "</s>";
  config["pad_token"] = "<pad>";
  config["unk_token"] = "<unk>";
  write_file(folder / "tokenizer_config.json", config.dump(2) + "\n");
}

}  // namespace medisyn
