#include "medisyn/text/prompts.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string_view>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"
#include "medisyn/core/utf8.h"
#include "medisyn/io/csv.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/text/caption.h"
#include "medisyn/text/encoding.h"

namespace medisyn {
namespace {

const std::vector<std::string> kOptions{"n", "seed", "scale", "steps", "negative", "size"};
constexpr std::int64_t kMaxImages = 100'000'000;
constexpr std::int64_t kMaxSteps = 1'000'000;
constexpr std::int64_t kMaxPixels = 16384;
constexpr double kMaxScale = 1000;
constexpr std::string_view kSpaces = " \t";

std::int64_t parse_count(std::string_view text, std::int64_t most, const std::string& where) {
  const auto value = parse_number<std::int64_t>(text);
  if (!value || *value < 1 || *value > most) {
    fail("{}: expected a whole number from 1 to {}, found \"{}\"", where, most, text);
  }
  return *value;
}

/// Sets the option `name` from its text. `where` ends in the option's name.
void set_option(Prompt& prompt, const std::string& name, std::string_view value, const std::string& where) {
  if (name == "n") {
    prompt.n = parse_count(value, kMaxImages, where);
  } else if (name == "steps") {
    prompt.steps = parse_count(value, kMaxSteps, where);
  } else if (name == "seed") {
    const auto seed = parse_number<std::int64_t>(value);
    if (!seed) {
      fail("{}: expected a whole number from 0 to {}, found \"{}\"", where,
           std::numeric_limits<std::uint32_t>::max(), value);
    }
    prompt.seed = checked_seed(*seed, where);
  } else if (name == "scale") {
    prompt.scale = parse_number<double>(value);
    if (!prompt.scale || !std::isfinite(*prompt.scale) || *prompt.scale < 0 || *prompt.scale > kMaxScale) {
      fail("{}: expected a number from 0 to {}, found \"{}\"", where, kMaxScale, value);
    }
  } else if (name == "size") {
    prompt.size = parse_size(value, where);
  } else {
    prompt.negative = value;
  }
}

/// `sign` stands in front of names: "--" for options.
[[noreturn]] void refuse_name(const std::string& where, const std::string& name, const std::string& kind,
                              const std::string& sign = "") {
  std::vector<std::string> known = kOptions;
  if (sign.empty()) {
    known.emplace_back("text");
  }
  const std::string near = nearest_word(name, known);
  fail("{}: unknown {} \"{}{}\"{} (known: {}{})", where, kind, sign, name,
       near.empty() ? "" : fmt::format("; did you mean \"{}{}\"?", sign, near), sign,
       fmt::join(known, ", " + sign));
}

bool is_option_name(const std::string& name) {
  return std::find(kOptions.begin(), kOptions.end(), name) != kOptions.end();
}

/// The place of the first word that looks like an option ("--" and a letter), or the end.
std::size_t find_options(std::string_view line) {
  for (std::size_t at = line.find("--"); at != std::string_view::npos; at = line.find("--", at + 1)) {
    const bool starts_word = at == 0 || kSpaces.find(line[at - 1]) != std::string_view::npos;
    const char next = at + 2 < line.size() ? line[at + 2] : ' ';
    if (starts_word && ((next >= 'a' && next <= 'z') || (next >= 'A' && next <= 'Z'))) {
      return at;
    }
  }
  return line.size();
}

std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpaces);
  return begin == std::string_view::npos ? ""
                                         : text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

/// Takes one value off the front of `rest`: a word, or text in quotes with a backslash before a quote.
std::string take_value(std::string_view& rest, const std::string& where) {
  std::string value;
  if (rest.empty() || (rest.front() != '"' && rest.front() != '\'')) {
    value = rest.substr(0, rest.find_first_of(kSpaces));
    rest.remove_prefix(value.size());
    return value;
  }
  const char quote = rest.front();
  std::size_t at = 1;
  for (; at < rest.size() && rest[at] != quote; ++at) {
    at += rest[at] == '\\' && at + 1 < rest.size() && (rest[at + 1] == quote || rest[at + 1] == '\\') ? 1 : 0;
    value += rest[at];
  }
  if (at >= rest.size()) {
    fail("{}: expected a closing {}", where, quote);
  }
  rest.remove_prefix(at + 1);
  return value;
}

std::vector<Prompt> read_text(const std::filesystem::path& path, std::string_view text) {
  std::vector<Prompt> prompts;
  int number = 0;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::string_view line = text.substr(at, end - at);
    at = end + 1;
    ++number;
    line = trimmed(line.substr(0, line.ends_with('\r') ? line.size() - 1 : line.size()));
    if (!line.empty() && line.front() != '#') {
      prompts.push_back(parse_prompt_line(line, fmt::format("{}:{}", path.string(), number)));
    }
  }
  return prompts;
}

/// One value of a JSON line as the text that set_option() takes; nothing for null.
std::optional<std::string> option_text(const std::string& name, const Json& value, const std::string& where) {
  if (value.is_null()) {
    return std::nullopt;
  }
  const bool wants_text = name == "negative" || name == "size";
  if (wants_text != value.is_string() || (!wants_text && !value.is_number())) {
    fail("{}: expected {}, found {}", where, wants_text ? "a text" : "a number", beginning(value.dump(), 60));
  }
  return wants_text ? value.get<std::string>() : value.dump();
}

/// The columns of a row as the words of a template.
CaptionWords words_of(const Json& row) {
  CaptionWords words;
  for (const auto& [key, value] : row.items()) {
    if (value.is_array()) {
      std::vector<std::string> parts;
      for (const Json& part : value) {
        parts.push_back(part.is_string() ? part.get<std::string>() : part.dump());
      }
      words[key] = join_words(parts);
    } else {
      words[key] = value.is_string() ? value.get<std::string>() : value.is_null() ? "" : value.dump();
    }
  }
  return words;
}

std::string filled(const std::string& text_template, const CaptionWords& words, const std::string& where) {
  try {
    return fill_caption(text_template, words);
  } catch (const Error& error) {
    fail("{}: {}", where, error.what());
  }
}

Prompt prompt_of(const Json& line, const std::string& text_template, const std::string& where) {
  if (!line.is_object()) {
    fail("{}: expected an object such as {{\"text\": \"...\"}}, found {}", where, beginning(line.dump(), 60));
  }
  Prompt prompt;
  const bool has_template = !text_template.empty();
  const auto text = line.contains("text") ? line.find("text") : line.find("prompt");
  if (!has_template && (text == line.end() || !text->is_string())) {
    fail("{}: expected a key \"text\" (or \"prompt\") with a text", where);
  }
  prompt.text = has_template ? filled(text_template, words_of(line), where) : text->get<std::string>();
  prompt.is_record = line.contains("file_name");
  // A line of a manifest describes a picture: its other keys are its own, unless `medisyn generate` wrote it.
  if (prompt.is_record && !line.contains("sampler")) {
    return prompt;
  }
  for (const auto& [key, value] : line.items()) {
    if (is_option_name(key)) {
      const std::string place = where + ": " + key;
      if (const auto option = option_text(key, value, place)) {
        set_option(prompt, key, *option, place);
      }
    } else if (key != "text" && key != "prompt" && !prompt.is_record && !has_template) {
      refuse_name(where, key, "key");
    }
  }
  return prompt;
}

CaptionWords words_of(const Table& table, std::size_t row) {
  CaptionWords words;
  for (std::size_t column = 0; column < table.header.size(); ++column) {
    words[table.header[column]] = table.rows[row][column];
  }
  return words;
}

std::vector<Prompt> read_table(const std::filesystem::path& path, const std::string& text_template) {
  const Table table = read_csv(path);
  const auto has = [&](const char* name) {
    return std::find(table.header.begin(), table.header.end(), name) != table.header.end();
  };
  const bool has_template = !text_template.empty();
  const std::size_t text =
      has_template ? table.header.size() : table.column(has("text") || !has("prompt") ? "text" : "prompt");
  std::vector<Prompt> prompts;
  for (std::size_t row = 0; row < table.rows.size(); ++row) {
    const std::string where = table.where(row);
    Prompt prompt;
    prompt.is_record = has("file_name");
    if (has_template) {
      prompt.text = filled(text_template, words_of(table, row), where);
    }
    for (std::size_t column = 0; column < table.header.size(); ++column) {
      const std::string& name = table.header[column];
      const std::string& cell = table.rows[row][column];
      if (column == text) {
        prompt.text = cell;
      } else if (prompt.is_record && !has("sampler")) {
        continue;
      } else if (is_option_name(name)) {
        if (!cell.empty()) {
          set_option(prompt, name, cell, where + ": " + name);
        }
      } else if (!prompt.is_record && !has_template) {
        refuse_name(where, name, "column");
      }
    }
    prompts.push_back(std::move(prompt));
  }
  return prompts;
}

std::vector<Prompt> read_lines(const std::filesystem::path& path, const std::string& text_template) {
  std::vector<Prompt> prompts;
  for (const JsonLine& line : read_jsonl_lines(path)) {
    prompts.push_back(prompt_of(line.value, text_template, fmt::format("{}:{}", path.string(), line.line)));
  }
  return prompts;
}

}  // namespace

Prompt parse_prompt_line(std::string_view line, const std::string& where) {
  const std::size_t options = find_options(line);
  Prompt prompt;
  prompt.text = trimmed(line.substr(0, options));
  if (prompt.text.empty()) {
    fail("{}: expected a prompt in front of the options (an empty one can be given in a .jsonl or .csv file)",
         where);
  }
  std::string_view rest = trimmed(line.substr(options));
  std::vector<std::string> seen;
  while (!rest.empty()) {
    if (!rest.starts_with("--")) {
      fail("{}: expected an option such as --n 5, found \"{}\" (put quotes around a value of several words)",
           where, beginning(rest, 40));
    }
    rest.remove_prefix(2);
    const std::string name(rest.substr(0, rest.find_first_of(" \t=")));
    if (!is_option_name(name)) {
      refuse_name(where, name, "option", "--");
    }
    if (std::find(seen.begin(), seen.end(), name) != seen.end()) {
      fail("{}: --{} is given twice", where, name);
    }
    seen.push_back(name);
    rest.remove_prefix(name.size());
    rest = trimmed(rest.starts_with('=') ? rest.substr(1) : rest);
    const std::string place = fmt::format("{}: --{}", where, name);
    if (rest.empty()) {
      fail("{}: expected a value", place);
    }
    set_option(prompt, name, take_value(rest, place), place);
    rest = trimmed(rest);
  }
  return prompt;
}

std::vector<Prompt> read_prompts(const std::filesystem::path& path, const std::string& text_template) {
  std::string text = read_file(path);
  check_utf8(text, path.string());
  const std::string extension = path.extension().string();
  std::vector<Prompt> prompts;
  if (extension == ".txt" && !text_template.empty()) {
    fail("{}: --template takes the columns of a .csv or .jsonl file", path.string());
  }
  if (extension == ".txt") {
    const std::string_view view = text;
    prompts = read_text(path, view.starts_with("\xEF\xBB\xBF") ? view.substr(3) : view);
  } else if (extension == ".csv") {
    prompts = trimmed(text).empty() ? prompts : read_table(path, text_template);
  } else if (extension == ".jsonl") {
    prompts = read_lines(path, text_template);
  } else {
    fail("{}: expected a prompt file that ends in .txt, .csv or .jsonl", path.string());
  }
  if (prompts.empty()) {
    fail("{}: expected at least one prompt, found none", path.string());
  }
  return prompts;
}

PixelSize parse_size(std::string_view text, const std::string& where) {
  const std::size_t cross = std::min(text.find('x'), text.size());
  const auto width = parse_number<std::int64_t>(text.substr(0, cross));
  const auto height = parse_number<std::int64_t>(text.substr(std::min(cross + 1, text.size())));
  const auto fits = [](const auto& side) { return side && *side >= 1 && *side <= kMaxPixels; };
  if (!fits(width) || !fits(height)) {
    fail("{}: expected WIDTHxHEIGHT in pixels, each from 1 to {}, such as 512x512, found \"{}\"", where,
         kMaxPixels, text);
  }
  return {.width = *width, .height = *height};
}

std::string format_size(const PixelSize& size) { return fmt::format("{}x{}", size.width, size.height); }

std::uint32_t checked_seed(std::int64_t seed, const std::string& where) {
  if (seed < 0 || seed > std::numeric_limits<std::uint32_t>::max()) {
    fail("{}: expected a seed from 0 to {}, found {}", where, std::numeric_limits<std::uint32_t>::max(),
         seed);
  }
  return static_cast<std::uint32_t>(seed);
}

}  // namespace medisyn
