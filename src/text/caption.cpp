#include "medisyn/text/caption.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <cctype>
#include <string_view>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"

namespace medisyn {
namespace {

const std::string& word_of(const std::string& name, const CaptionWords& words, const std::string& text) {
  const auto found = words.find(name);
  if (found != words.end()) {
    return found->second;
  }
  std::vector<std::string> known;
  for (const auto& [key, value] : words) {
    known.push_back(key);
  }
  const std::string nearest = nearest_word(name, known);
  fail("template {:?}: no placeholder {{{}}}{}; there are {}", text, name,
       nearest.empty() ? "" : fmt::format(", did you mean {{{}}}?", nearest), fmt::join(known, ", "));
}

/// Fills one part without brackets; `missing` is set to the first placeholder that is empty.
std::string fill_part(std::string_view part, const CaptionWords& words, const std::string& text,
                      std::string& missing) {
  std::string filled;
  while (!part.empty()) {
    const std::size_t open = part.find('{');
    filled += part.substr(0, open);
    if (open == std::string_view::npos) {
      break;
    }
    const std::size_t close = part.find('}', open);
    if (close == std::string_view::npos) {
      fail("template {:?}: a brace is never closed", text);
    }
    const std::string name(part.substr(open + 1, close - open - 1));
    const std::string& word = word_of(name, words, text);
    if (word.empty() && missing.empty()) {
      missing = name;
    }
    filled += word;
    part.remove_prefix(close + 1);
  }
  return filled;
}

}  // namespace

std::string fill_template(const std::string& text, const CaptionWords& words) {
  std::string filled;
  std::string_view rest = text;
  while (!rest.empty()) {
    const std::size_t open = rest.find('[');
    std::string missing;
    filled += fill_part(rest.substr(0, open), words, text, missing);
    if (!missing.empty()) {
      fail("template {:?}: {{{}}} is empty here: put the part that needs it in [brackets]", text, missing);
    }
    if (open == std::string_view::npos) {
      break;
    }
    const std::size_t close = rest.find(']', open);
    if (close == std::string_view::npos) {
      fail("template {:?}: a bracket is never closed", text);
    }
    const std::string part = fill_part(rest.substr(open + 1, close - open - 1), words, text, missing);
    filled += missing.empty() ? part : "";
    rest.remove_prefix(close + 1);
  }
  return filled;
}

std::string fill_caption(const std::string& text, const CaptionWords& words) {
  std::string caption = fill_template(text, words);
  if (!caption.empty()) {
    caption[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(caption[0])));
  }
  return caption;
}

std::vector<std::string> placeholders(const std::string& text) {
  std::vector<std::string> names;
  for (std::size_t open = text.find('{'); open != std::string::npos; open = text.find('{', open)) {
    const std::size_t close = text.find('}', open);
    if (close == std::string::npos) {
      fail("template {:?}: a brace is never closed", text);
    }
    names.push_back(text.substr(open + 1, close - open - 1));
    open = close;
  }
  return names;
}

std::string join_words(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) {
      text += i + 1 == words.size() ? " and " : ", ";
    }
    text += words[i];
  }
  return text;
}

}  // namespace medisyn
