// JSON, and JSON Lines: one value a line.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/core/run_record.h"

namespace medisyn {

/// One value. Error naming `where` for text that is no JSON, not UTF-8 or nested deeper than 64 levels, which
/// those who walk over the value could not bear.
Json parse_json(std::string_view text, const std::string& where);

struct JsonLine {
  int line = 0;  ///< from 1
  Json value;
};

/// The values of a file in order; blank lines are passed over. Error FILE:LINE for a line that is no JSON,
/// not UTF-8 or nested deeper than 64 levels.
std::vector<Json> read_jsonl(const std::filesystem::path& path);

/// The same one after the other, so that a million of them are not held at once.
void for_each_jsonl_line(const std::filesystem::path& path, const std::function<void(const JsonLine&)>& take);

/// The same with each value's line number.
std::vector<JsonLine> read_jsonl_lines(const std::filesystem::path& path);

/// Writes one value a line, UTF-8 unescaped, atomically.
void write_jsonl(const std::filesystem::path& path, const std::vector<Json>& values);

}  // namespace medisyn
