// Captions from templates.
#pragma once

#include <map>
#include <string>
#include <vector>

namespace medisyn {

/// Values of the placeholders by name.
using CaptionWords = std::map<std::string, std::string>;

/// Fills `{name}` from `words`. A part in brackets is left out when one of its placeholders is empty:
/// "{plane} CT slice[, showing {structures}]". The first letter becomes a capital. Error naming the template
/// for an unknown placeholder (with the nearest known one), an open brace or bracket, or an empty placeholder
/// outside of brackets.
std::string fill_caption(const std::string& text, const CaptionWords& words);

/// "a", "a and b", "a, b and c".
std::string join_words(const std::vector<std::string>& words);

}  // namespace medisyn
