// The steps in front of WordPiece: Unicode normalisation and the cut into words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace medisyn {

/// Control characters dropped, white space to " ", ideographs between spaces; when `lower_case`, also NFD
/// without its marks and lower case code point by code point. UTF-8 -> UTF-8.
std::string bert_normalise(std::string_view text, bool lower_case);

/// The words of a normalised text: runs between white space, each punctuation character on its own. The
/// views point into `text`.
std::vector<std::string_view> bert_words(std::string_view text);

}  // namespace medisyn
