// Captions from templates.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace medisyn {

/// Values of the placeholders by name.
using CaptionWords = std::map<std::string, std::string>;

/// Fills `{name}` from `words`. A part in brackets is left out when one of its placeholders is empty:
/// "{plane} CT slice[, showing {structures}]". Error naming the template for an unknown placeholder (with the
/// nearest known one), an open brace or bracket, or an empty placeholder outside of brackets.
std::string fill_template(const std::string& text, const CaptionWords& words);

/// The same with a capital for a first letter.
std::string fill_caption(const std::string& text, const CaptionWords& words);

/// The names in braces, in order. Error for an open brace.
std::vector<std::string> placeholders(const std::string& text);

/// "a", "a and b", "a, b and c".
std::string join_words(const std::vector<std::string>& words);

}  // namespace medisyn
