// Comma-separated tables with a header (RFC 4180: quoted fields, doubled quotes, line breaks in quotes).
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace medisyn {

/// Rows of text under a header, whatever the file's format.
struct Table {
  std::filesystem::path path;
  std::vector<std::string> header;
  std::vector<std::vector<std::string>> rows;  ///< each as long as the header
  std::vector<int> lines;                      ///< where each row begins, from 1

  /// The position of a column. Error naming the file, with the nearest column, when there is none.
  std::size_t column(std::string_view name) const;
  /// FILE:LINE of a row, for a message.
  std::string where(std::size_t row) const;
};

/// Reads a table; a byte order mark and CR LF are accepted, blank lines passed over. `header`: the columns'
/// names of a file that has no line of them. Error FILE:LINE for a row of another length than the header, an
/// open quote, text behind a closing quote, or bytes that are no UTF-8.
Table read_csv(const std::filesystem::path& path, char separator = ',', std::vector<std::string> header = {});

/// A table as text; fields are quoted where they must be.
std::string csv_text(const std::vector<std::string>& header,
                     const std::vector<std::vector<std::string>>& rows);

/// Writes a table atomically.
void write_csv(const std::filesystem::path& path, const std::vector<std::string>& header,
               const std::vector<std::vector<std::string>>& rows);

}  // namespace medisyn
