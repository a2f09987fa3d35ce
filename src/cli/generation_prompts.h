// Which prompts `medisyn generate` draws.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "generation_plan.h"
#include "medisyn/data/manifest.h"
#include "medisyn/text/prompts.h"
#include "medisyn/text/tokenizer.h"

namespace medisyn {

/// Where prompts come from: one text, a prompt file, or the records of a manifest.
struct PromptSource {
  std::optional<std::string> prompt;
  std::filesystem::path file;  ///< or a folder with a manifest
  std::string text_template;   ///< the text of each row or record, of its columns; "" for its own
  std::string where;           ///< which records
  std::int64_t sample = 0;     ///< how many of them, drawn with `seed`; 0: all
  std::uint64_t seed = 0;
};

/// The prompts, and the drawn manifest where --where or --sample chose among records.
struct PromptList {
  std::vector<Prompt> prompts;
  std::optional<Manifest> drawn;
};

/// Error for what cannot be read, and for --where or --sample on a file that is no manifest.
PromptList read_prompt_list(const PromptSource& source);

/// How many texts the tokenizer cuts; each is a warning, the first few by name.
std::size_t report_truncation(const std::vector<PlannedImage>& images, const Tokenizer& tokenizer);

}  // namespace medisyn
