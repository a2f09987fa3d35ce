#include "medisyn/curate/table.h"

#include <algorithm>
#include <iterator>
#include <sstream>
#include <unordered_map>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/utf8.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

/// Columns are the keys of all objects, in the order in which they first come.
class ObjectTable {
 public:
  explicit ObjectTable(const fs::path& file) {
    table_.path = file;
    std::error_code ignored;
    const std::uintmax_t bytes = is_file(file) ? fs::file_size(file, ignored) : 0;
    most_cells_ = std::max<std::uintmax_t>(std::uintmax_t{1} << 22U, 4 * bytes);
  }

  void add(const Json& object, int line) {
    table_.lines.push_back(line);
    auto& row = table_.rows.emplace_back(table_.header.size());
    if (!object.is_object()) {
      fail("{}: expected an object with one key a column, found {}", table_.where(table_.rows.size() - 1),
           object.type_name());
    }
    for (const auto& [key, value] : object.items()) {
      const auto [found, is_new] = columns_.emplace(key, table_.header.size());
      if (is_new) {
        table_.header.push_back(key);
        row.emplace_back();
      }
      row[found->second] = cell_text(value);
    }
    if (table_.rows.size() * table_.header.size() > most_cells_) {
      fail("{}: expected objects with the same keys, found {} keys in the first {} of them",
           table_.path.string(), table_.header.size(), table_.rows.size());
    }
  }

  Table take() {
    for (auto& row : table_.rows) {
      row.resize(table_.header.size());
    }
    return std::move(table_);
  }

 private:
  Table table_;
  std::unordered_map<std::string, std::size_t> columns_;
  std::uintmax_t most_cells_;  ///< each missing key costs a cell, but no byte of the file
};

Table from_jsonl(const fs::path& file) {
  ObjectTable table(file);
  for_each_jsonl_line(file, [&](const JsonLine& line) { table.add(line.value, line.line); });
  return table.take();
}

/// Its "lines" count the objects.
Table from_json(const fs::path& file) {
  const Json json = parse_json(read_file(file), file.string());
  if (!json.is_array()) {
    fail("{}: expected a JSON list of objects, one an image", file.string());
  }
  ObjectTable table(file);
  for (std::size_t i = 0; i < json.size(); ++i) {
    table.add(json[i], static_cast<int>(i) + 1);
  }
  return table.take();
}

Table from_words(const fs::path& file, const std::vector<std::string>& header) {
  const std::string text = read_file(file);
  check_utf8(text, file.string());
  Table table{.path = file, .header = header, .rows = {}, .lines = {}};
  std::istringstream lines(text);
  int number = 0;
  for (std::string line; std::getline(lines, line);) {
    ++number;
    std::istringstream words(line);
    std::vector<std::string> row{std::istream_iterator<std::string>(words), {}};
    if (table.header.empty()) {
      table.header = std::move(row);
    } else if (!row.empty()) {
      if (row.size() != table.header.size()) {
        fail("{}:{}: expected {} columns, found {}", file.string(), number, table.header.size(), row.size());
      }
      table.rows.push_back(std::move(row));
      table.lines.push_back(number);
    }
  }
  return table;
}

}  // namespace

std::string cell_text(const Json& value) {
  if (value.is_string()) {
    return value.get<std::string>();
  }
  return value.is_null() ? "" : value.dump();
}

Table read_table(const fs::path& file, const std::vector<std::string>& header, const std::string& separator) {
  const std::string extension = file.extension().string();
  if (extension == ".jsonl") {
    return from_jsonl(file);
  }
  if (extension == ".json") {
    return from_json(file);
  }
  if (separator.size() == 1) {
    return read_csv(file, separator[0], header);
  }
  if (extension == ".csv" || extension == ".tsv") {
    return read_csv(file, extension == ".tsv" ? '\t' : ',', header);
  }
  return from_words(file, header);
}

void join(Table& table, const Table& other, const std::string& key, const std::set<std::string>& wanted) {
  const std::size_t own = table.column(key), theirs = other.column(key);
  std::unordered_map<std::string_view, const std::vector<std::string>*> found;
  for (const auto& row : other.rows) {
    found.emplace(row[theirs], &row);
  }
  std::vector<std::size_t> added;
  for (std::size_t column = 0; column < other.header.size(); ++column) {
    const std::string& name = other.header[column];
    if (wanted.contains(name) && std::ranges::find(table.header, name) == table.header.end()) {
      table.header.push_back(name);
      added.push_back(column);
    }
  }
  for (auto& row : table.rows) {
    const auto match = found.find(row[own]);
    for (const std::size_t column : added) {
      row.push_back(match == found.end() ? "" : (*match->second)[column]);
    }
  }
}

}  // namespace medisyn
