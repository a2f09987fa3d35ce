#include "medisyn/report/table.h"

#include <algorithm>
#include <cstddef>

namespace medisyn {
namespace {

/// The number of characters: bytes that do not continue one.
std::size_t width_of(const std::string& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char byte) {
    return (static_cast<unsigned char>(byte) & 0xC0U) != 0x80U;
  }));
}

std::string line_of(const std::vector<std::string>& cells, const std::vector<std::size_t>& widths) {
  std::string line;
  for (std::size_t i = 0; i < widths.size(); ++i) {
    const std::string padding(widths[i] - width_of(cells.at(i)), ' ');
    line += i == 0 ? cells[i] + padding : "  " + padding + cells[i];
  }
  return line + "\n";
}

}  // namespace

std::string text_table(const std::vector<std::string>& header,
                       const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  std::size_t total = 0;
  for (std::size_t i = 0; i < header.size(); ++i) {
    std::size_t widest = width_of(header[i]);
    for (const auto& row : rows) {
      widest = std::max(widest, width_of(row.at(i)));
    }
    widths.push_back(widest);
    total += widest + (i == 0 ? 0 : 2);
  }
  std::string table = line_of(header, widths) + std::string(total, '-') + "\n";
  for (const auto& row : rows) {
    table += line_of(row, widths);
  }
  return table;
}

}  // namespace medisyn
