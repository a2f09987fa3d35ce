// The steps in front of CLIP's merges: Unicode normalisation and the cut into words.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace medisyn {

/// NFC, each run of white space (the Unicode property) to one space, lower case code point by code point, as
/// the tokenizers library does it: no final sigma, and no second normalisation. UTF-8 -> UTF-8.
std::string clip_normalise(std::string_view text);

/// The words of a normalised text, white space dropped: an English contraction ('s 't 're 've 'm 'll 'd), a
/// run of letters, one number character, or a run of anything else. The views point into `text`.
std::vector<std::string_view> clip_words(std::string_view text);

}  // namespace medisyn
