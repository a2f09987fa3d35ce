// Comma-separated tables with a header (RFC 4180: quoted fields, doubled quotes, line breaks in quotes).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace medisyn {

struct CsvTable {
  std::filesystem::path path;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the header
  std::vector<int> lines;                      ///< where each row begins, from 1

  /// The position of a column. Error naming the file, with the nearest column, when there is none.
  std::size_t column(std::string_view name) const;
};

/// Reads a table; a byte order mark and CR LF are accepted, blank lines passed over. Error FILE:LINE for a
/// row of another length than the header, an open quote, or text behind a closing quote.
CsvTable read_csv(const std::filesystem::path& path, char separator = ',');

/// Writes a table atomically; fields are quoted where they must be.
void write_csv(const std::filesystem::path& path, const std::vector<std::string>& header,
               const std::vector<std::vector<std::string>>& rows);

}  // namespace medisyn
