#include "medisyn/core/utf8.h"

#include <algorithm>
#include <cstddef>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// Bytes of the character that the text begins with; 0 when it begins with none (Unicode 15, table 3-7).
std::size_t character_bytes(std::string_view text) {
  const auto byte = [&](std::size_t at) -> unsigned {
    return at < text.size() ? static_cast<unsigned char>(text[at]) : 0;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) {
    return lead == 0 ? 0 : 1;
  }
  if (lead < 0xC2 || lead > 0xF4) {
    return 0;
  }
  const unsigned low = lead == 0xE0 ? 0xA0 : lead == 0xF0 ? 0x90 : 0x80;
  const unsigned high = lead == 0xED ? 0x9F : lead == 0xF4 ? 0x8F : 0xBF;
  const std::size_t size = lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4;
  bool is_whole = byte(1) >= low && byte(1) <= high;
  for (std::size_t at = 2; at < size; ++at) {
    is_whole = is_whole && byte(at) >= 0x80 && byte(at) <= 0xBF;
  }
  return is_whole ? size : 0;
}

}  // namespace

void check_utf8(std::string_view text, const std::string& where) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t bytes = character_bytes(text.substr(at));
    if (bytes == 0) {
      fail("{}:{}: expected UTF-8 text, found the byte 0x{:02X}; save the file as UTF-8", where,
           1 + std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'),
           static_cast<unsigned char>(text[at]));
    }
    at += bytes;
  }
}

}  // namespace medisyn
