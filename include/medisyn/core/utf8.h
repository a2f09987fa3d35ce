// UTF-8, as the text files that people write ought to be.
#pragma once

#include <string>
#include <string_view>

namespace medisyn {

/// Error WHERE:LINE with the first byte that begins no UTF-8 character, or is 0.
void check_utf8(std::string_view text, const std::string& where);

}  // namespace medisyn
