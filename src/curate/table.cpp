#include <algorithm>
#include <sstream>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/curate/table.h"
#include "medisyn/io/csv.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

std::string text_of(const Json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  return value.is_null() ? "" : value.dump();
}

/// Columns are the keys of all objects, in the order in which they first come.
Table from_objects(const std::vector<Json>& objects, const fs::path& file) {
  Table table;
  for (const Json& object : objects) {
    if (!object.is_object()) {
      fail("{}: expected objects with one key a column, found {}", file.string(),
           object.dump().substr(0, 40));
    }
    auto& row = table.rows.emplace_back(table.header.size());
    for (const auto& [key, value] : object.items()) {
      const auto found = std::find(table.header.begin(), table.header.end(), key);
      const auto column = static_cast<std::size_t>(found - table.header.begin());
      if (found == table.header.end()) {
        table.header.push_back(key);
        row.emplace_back();
      }
      row[column] = text_of(value);
    }
  }
  for (auto& row : table.rows) {
    row.resize(table.header.size());
  }
  return table;
}

std::vector<Json> read_json_list(const fs::path& file) {
  const Json json = Json::parse(read_file(file), nullptr, /*allow_exceptions=*/false);
  if (!json.is_array()) {
    fail("{}: expected a JSON list of objects, one an image", file.string());
  }
  return json.get<std::vector<Json>>();
}

Table from_csv(const fs::path& file, char separator, const std::vector<std::string>& header) {
  CsvTable csv = read_csv(file, separator);
  if (header.empty()) {
    return {std::move(csv.header), std::move(csv.rows)};
  }
  csv.rows.insert(csv.rows.begin(), std::move(csv.header));  // a file without a line of names
  return {header, std::move(csv.rows)};
}

Table from_words(const fs::path& file, const std::vector<std::string>& header) {
  Table table{header, {}};
  std::istringstream lines(read_file(file));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::vector<std::string> row;
    for (std::string word; words >> word;) {
      row.push_back(word);
    }
    if (table.header.empty()) {
      table.header = std::move(row);
    } else if (!row.empty()) {
      table.rows.push_back(std::move(row));
    }
  }
  return table;
}

}  // namespace

Table read_table(const fs::path& file, const std::vector<std::string>& header, const std::string& separator) {
  const std::string extension = file.extension().string();
  Table table;
  if (extension == ".jsonl") {
    table = from_objects(read_jsonl(file), file);
  } else if (extension == ".json") {
    table = from_objects(read_json_list(file), file);
  } else if (separator.size() == 1 || extension == ".csv" || extension == ".tsv") {
    table = from_csv(file, separator.empty() ? (extension == ".tsv" ? '\t' : ',') : separator[0], header);
  } else {
    table = from_words(file, header);
  }
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    if (table.rows[i].size() != table.header.size()) {
      fail("{}: row {}: expected {} columns, found {}", file.string(), i + 1, table.header.size(),
           table.rows[i].size());
    }
  }
  return table;
}

}  // namespace medisyn
