#include "medisyn/io/jsonl.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <string_view>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {

Json parse_json(std::string_view text, const std::string& where) {
  constexpr int kMaxDepth = 64;
  const auto limit_depth = [&](int depth, Json::parse_event_t, Json&) {
    if (depth > kMaxDepth) {
      fail("{}: JSON is nested deeper than {} levels", where, kMaxDepth);
    }
    return true;
  };
  try {
    return Json::parse(text, limit_depth);
  } catch (const Json::exception&) {
    constexpr std::size_t kShown = 60;
    fail("{}: expected one JSON value in UTF-8, found {:?}{}", where, text.substr(0, kShown),
         text.size() > kShown ? "..." : "");
  }
}

void for_each_jsonl_line(const fs::path& path, const std::function<void(const JsonLine&)>& take) {
  const std::string bytes = read_file(path);
  std::size_t begin = 0;
  for (int line = 1; begin < bytes.size(); ++line) {
    const std::size_t end = std::min(bytes.find('\n', begin), bytes.size());
    const std::string_view text = std::string_view(bytes).substr(begin, end - begin);
    if (text.find_first_not_of(" \t\r") != std::string_view::npos) {
      take({line, parse_json(text, fmt::format("{}:{}", path.string(), line))});
    }
    begin = end + 1;
  }
}

std::vector<JsonLine> read_jsonl_lines(const fs::path& path) {
  std::vector<JsonLine> lines;
  for_each_jsonl_line(path, [&](const JsonLine& line) { lines.push_back(line); });
  return lines;
}

std::vector<Json> read_jsonl(const fs::path& path) {
  std::vector<Json> values;
  for_each_jsonl_line(path, [&](const JsonLine& line) { values.push_back(line.value); });
  return values;
}

void write_jsonl(const fs::path& path, const std::vector<Json>& values) {
  std::string bytes;
  for (const Json& value : values) {
    bytes += value.dump();
    bytes += '\n';
  }
  write_file(path, bytes);
}

}  // namespace medisyn
