#include "generation_prompts.h"

#include <algorithm>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/data/filter.h"
#include "medisyn/data/sample.h"
#include "medisyn/text/caption.h"
#include "medisyn/text/encoding.h"

namespace medisyn {
namespace {

constexpr std::size_t kNamedAtMost = 3;  ///< texts named in a warning

CaptionWords words_of(const Record& record) {
  return {{"text", record.text},
          {"id", record.id},
          {"specialty", record.specialty},
          {"image_type", record.image_type},
          {"labels", join_words(record.labels)},
          {"source", record.source},
          {"split", record.split}};
}

PromptList read_records(const PromptSource& source) {
  if (!fs::is_directory(source.file) && source.file.extension() != ".jsonl") {
    fail("{}: --where and --sample choose among a manifest's records: expected a folder or a .jsonl file",
         source.file.string());
  }
  PromptList list{.prompts = {}, .drawn = filtered(read_manifest(source.file), source.where)};
  list.drawn = sample(*list.drawn, source.sample, source.seed);
  for (const Record& record : list.drawn->records) {
    const std::string text =
        source.text_template.empty() ? record.text : fill_caption(source.text_template, words_of(record));
    list.prompts.push_back({.text = text, .is_record = true});
  }
  if (std::all_of(list.prompts.begin(), list.prompts.end(),
                  [](const Prompt& one) { return one.text.empty(); })) {
    fail("{}: none of its {} records has a text to draw", source.file.string(), list.prompts.size());
  }
  return list;
}

}  // namespace

PromptList read_prompt_list(const PromptSource& source) {
  if (source.prompt) {
    return {.prompts = {Prompt{.text = *source.prompt}}, .drawn = {}};
  }
  if (!source.where.empty() || source.sample != 0 || fs::is_directory(source.file)) {
    return read_records(source);
  }
  return {.prompts = read_prompts(source.file, source.text_template), .drawn = {}};
}

std::size_t report_truncation(const std::vector<PlannedImage>& images, const Tokenizer& tokenizer) {
  std::set<std::string> texts;
  for (const PlannedImage& image : images) {
    texts.insert(image.request.text);
    texts.insert(image.request.negative.value_or(""));
  }
  std::size_t cut = 0;
  for (const std::string& text : texts) {
    const Encoding encoding = tokenizer.encode_with_loss(text);
    if (encoding.lost_tokens > 0 && ++cut <= kNamedAtMost) {
      log_warning("\"{}...\": longer than the {} tokens of the model; not seen by it: \"{}\"",
                  beginning(text, 40), tokenizer.model_max_length(), beginning(encoding.lost_text, 200));
    }
  }
  if (cut > kNamedAtMost) {
    log_warning("{} texts in all are longer than the {} tokens of the model", cut,
                tokenizer.model_max_length());
  }
  return cut;
}

}  // namespace medisyn
