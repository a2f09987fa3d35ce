// A table for the terminal.
#pragma once

#include <string>
#include <vector>

namespace medisyn {

/// Columns padded to their widest cell (counted in UTF-8 characters), the first to the left, the others to
/// the right, a rule under the header. Every row must be as long as the header.
std::string text_table(const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows);

}  // namespace medisyn
