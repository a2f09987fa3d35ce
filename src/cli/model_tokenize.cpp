// medisyn model tokenize: texts -> ids, one JSON array a line.
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "medisyn/cli/model_commands.h"
#include "medisyn/cli/options.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/text/tokenizer.h"

namespace medisyn {
namespace {

constexpr std::int64_t kNamedAtMost = 3;

/// Prints the ids of each line of the file, blank and `#` lines too; warns of what was cut off.
void tokenize(const Tokenizer& tokenizer, const std::string& text) {
  std::int64_t line_number = 0;
  std::int64_t cut = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const Encoding encoding = tokenizer.encode_with_loss(std::string_view(text).substr(at, end - at));
    ++line_number;
    if (encoding.lost_tokens > 0 && ++cut <= kNamedAtMost) {
      log_warning("line {}: longer than the {} tokens of the model; not seen by it: \"{}\"", line_number,
                  tokenizer.model_max_length(), beginning(encoding.lost_text, 200));
    }
    fmt::print("[{}]\n", fmt::join(encoding.ids, ", "));
    at = end + 1;
  }
  if (cut > kNamedAtMost) {
    log_warning("{} lines in all are longer than the {} tokens of the model", cut,
                tokenizer.model_max_length());
  }
}

}  // namespace

int model_tokenize_command(int argc, char** argv) {
  CLI::App app(
      "Prints the ids of each line of a text file as a JSON array: start and end tokens included, cut at "
      "the model's length, no padding");
  CommonOptions options;
  std::filesystem::path model;
  std::filesystem::path file;
  app.add_option("--model", model, "Model folder, or its tokenizer folder")->required()->type_name("DIR");
  app.add_option("--text-file", file, "One text a line, UTF-8")->required()->type_name("FILE");
  add_common_options(app, options, 0);
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  const auto tokenizer = Tokenizer::load(fs::is_directory(model / "tokenizer") ? model / "tokenizer" : model);
  tokenize(tokenizer, read_file(file));
  return 0;
}

}  // namespace medisyn
