// What every tokenizer gives, and how a message quotes a text.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace medisyn {

/// A text's ids, and what did not fit.
struct Encoding {
  std::vector<std::int64_t> ids;  ///< start, tokens, end; at most model_max_length
  std::int64_t lost_tokens = 0;   ///< tokens cut off
  std::string lost_text;          ///< what they spell, lower-cased: the tail of the text
};

/// The first bytes of a UTF-8 text, for a message: never half a character.
inline std::string_view beginning(std::string_view text, std::size_t bytes) {
  std::size_t end = std::min(bytes, text.size());
  while (end > 0 && end < text.size() && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) {
    --end;
  }
  return text.substr(0, end);
}

}  // namespace medisyn
