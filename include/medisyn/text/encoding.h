// What every tokenizer gives.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace medisyn {

/// A text's ids, and what did not fit.
struct Encoding {
  std::vector<std::int64_t> ids;  ///< start, tokens, end; at most model_max_length
  std::int64_t lost_tokens = 0;   ///< tokens cut off
  std::string lost_text;          ///< what they spell, lower-cased: the tail of the text
};

}  // namespace medisyn
