// medisyn model train-tokenizer: the captions of a manifest -> a SentencePiece vocabulary.
#include <filesystem>

#include "medisyn/cli/model_commands.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/data/filter.h"
#include "medisyn/data/manifest.h"
#include "medisyn/data/sample.h"
#include "medisyn/text/sentencepiece_tokenizer.h"

namespace medisyn {
namespace {

std::vector<std::string> captions_of(const Manifest& manifest) {
  std::vector<std::string> texts;
  for (const Record& record : manifest.records) {
    if (!record.text.empty()) {
      texts.push_back(record.text);
    }
  }
  return texts;
}

}  // namespace

int model_train_tokenizer_command(int argc, char** argv) {
  CLI::App app(
      "Learns a SentencePiece vocabulary from the captions of a manifest, for models trained from scratch");
  CommonOptions options;
  fs::path data;
  std::int64_t vocab_size = 8000;
  std::int64_t max_length = 77;
  app.add_option("--data", data, "Manifest, or a folder that holds one")->required()->type_name("DIR");
  app.add_option("--vocab-size", vocab_size, "Pieces, with <pad>, </s> and <unk>")
      ->capture_default_str()
      ->check(CLI::Range(4, 1000000));
  app.add_option("--max-length", max_length, "Tokens of a text at most, with the end of text")
      ->capture_default_str()
      ->check(CLI::Range(2, 4096));
  add_common_options(app, options, kTakesOut | kTakesSeed | kTakesWhere);
  app.get_option("--out")->required();
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  require_absent(options.out);
  const Manifest drawn = sample(filtered(read_manifest(data), options.where), options.sample, options.seed);
  const std::vector<std::string> texts = captions_of(drawn);
  const auto tokenizer = SentencePieceTokenizer::train(texts, vocab_size, max_length);
  TemporaryFolder folder(options.out);
  tokenizer.save(folder.path());
  folder.commit();
  log_info("{}: {} pieces learned from {} captions", options.out.string(), tokenizer.vocab_size(),
           texts.size());
  return 0;
}

}  // namespace medisyn
