#include "medisyn/io/csv.h"

#include <algorithm>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/utf8.h"

namespace medisyn {
namespace {

/// Cuts a table's text into rows of fields, keeping count of lines.
class CsvScanner {
 public:
  CsvScanner(std::string_view text, char separator, const fs::path& path)
      : text_(text), separator_(separator), path_(path) {}

  bool at_end() const { return position_ >= text_.size(); }
  int line() const { return line_; }

  bool skip_blank_line() {
    const std::size_t end = std::min(text_.find_first_not_of('\r', position_), text_.size());
    if (end < text_.size() && text_[end] != '\n') {
      return false;
    }
    position_ = std::min(end + 1, text_.size());
    ++line_;
    return true;
  }

  std::vector<std::string> row() {
    std::vector<std::string> fields;
    do {
      fields.push_back(at_end() || text_[position_] != '"' ? plain_field() : quoted_field());
    } while (take(separator_));
    take('\r');
    if (!at_end() && !take('\n')) {
      fail("{}:{}: expected {:?} or the end of the line behind a closing quote, found {:?}", path_.string(),
           line_, separator_, text_[position_]);
    }
    ++line_;
    return fields;
  }

 private:
  bool take(char wanted) {
    const bool found = !at_end() && text_[position_] == wanted;
    position_ += found ? 1 : 0;
    return found;
  }

  std::string plain_field() {
    std::size_t end = position_;
    while (end < text_.size() && text_[end] != separator_ && text_[end] != '\n') {
      ++end;
    }
    std::string field(text_.substr(position_, end - position_));
    position_ = end;
    if (!field.empty() && field.back() == '\r' && (at_end() || text_[position_] == '\n')) {
      field.pop_back();
    }
    return field;
  }

  std::string quoted_field() {
    const int opened = line_;
    ++position_;
    std::string field;
    while (!at_end()) {
      const char c = text_[position_++];
      if (c == '"' && !take('"')) {
        return field;
      }
      line_ += c == '\n' ? 1 : 0;
      field += c;
    }
    fail("{}:{}: a quoted field begins here and never ends", path_.string(), opened);
  }

  std::string_view text_;
  char separator_;
  const fs::path& path_;
  std::size_t position_ = 0;
  int line_ = 1;
};

std::string quoted(const std::string& field) {
  // A table of one column with an empty field would read as a blank line.
  if (!field.empty() && field.find_first_of("\",\r\n") == std::string::npos) {
    return field;
  }
  std::string text = "\"";
  for (const char c : field) {
    text += c == '"' ? "\"\"" : std::string(1, c);
  }
  return text + '"';
}

void append_row(std::string& text, const std::vector<std::string>& fields) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    text += i == 0 ? "" : ",";
    text += fields.size() == 1 || !fields[i].empty() ? quoted(fields[i]) : "";
  }
  text += '\n';
}

}  // namespace

std::size_t Table::column(std::string_view name) const {
  const auto found = std::find(header.begin(), header.end(), name);
  if (found != header.end()) {
    return static_cast<std::size_t>(found - header.begin());
  }
  const std::string nearest = nearest_word(name, header);
  fail("{}: expected a column {:?}, found none{}", path.string(), name,
       nearest.empty() ? "" : fmt::format("; did you mean {:?}?", nearest));
}

std::string Table::where(std::size_t row) const { return fmt::format("{}:{}", path.string(), lines[row]); }

Table read_csv(const fs::path& path, char separator, std::vector<std::string> header) {
  const std::string bytes = read_file(path);
  check_utf8(bytes, path.string());
  std::string_view text = bytes;
  if (text.starts_with("\xEF\xBB\xBF")) {
    text.remove_prefix(3);
  }
  Table table{.path = path, .header = std::move(header), .rows = {}, .lines = {}};
  CsvScanner scanner(text, separator, path);
  while (!scanner.at_end()) {
    if (scanner.skip_blank_line()) {
      continue;
    }
    const int line = scanner.line();
    std::vector<std::string> fields = scanner.row();
    if (table.header.empty()) {
      table.header = std::move(fields);
      continue;
    }
    if (fields.size() != table.header.size()) {
      fail("{}:{}: expected {} fields as in the header, found {}", path.string(), line, table.header.size(),
           fields.size());
    }
    table.rows.push_back(std::move(fields));
    table.lines.push_back(line);
  }
  if (table.header.empty()) {
    fail("{}: expected a table with a header line, found an empty file", path.string());
  }
  return table;
}

std::string csv_text(const std::vector<std::string>& header,
                     const std::vector<std::vector<std::string>>& rows) {
  std::string text;
  append_row(text, header);
  for (const auto& row : rows) {
    append_row(text, row);
  }
  return text;
}

void write_csv(const fs::path& path, const std::vector<std::string>& header,
               const std::vector<std::vector<std::string>>& rows) {
  write_file(path, csv_text(header, rows));
}

}  // namespace medisyn
