#include "medisyn/data/filter.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <string_view>
#include <vector>

#include "medisyn/core/config_node.h"
#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr int kMaxDepth = 64;

const std::map<std::string, std::string Record::*>& text_fields() {
  static const std::map<std::string, std::string Record::*> fields{{"file_name", &Record::file_name},
                                                                   {"text", &Record::text},
                                                                   {"id", &Record::id},
                                                                   {"patient_id", &Record::patient_id},
                                                                   {"specialty", &Record::specialty},
                                                                   {"image_type", &Record::image_type},
                                                                   {"source", &Record::source},
                                                                   {"licence", &Record::licence},
                                                                   {"sha256", &Record::sha256},
                                                                   {"split", &Record::split}};
  return fields;
}

struct Token {
  enum class Kind { kWord, kQuoted, kSymbol, kEnd };
  Kind kind = Kind::kEnd;
  std::string text;
  std::size_t position = 0;  // from 1
};

bool is_word_character(char c) {
  return std::isspace(static_cast<unsigned char>(c)) == 0 &&
         std::string_view("()=!\"'").find(c) == std::string_view::npos;
}

class Lexer {
 public:
  explicit Lexer(const std::string& text) : text_(text) {}

  Token next() {
    while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
      ++at_;
    }
    if (at_ == text_.size()) {
      return {Token::Kind::kEnd, "the end", at_ + 1};
    }
    if (text_[at_] == '"' || text_[at_] == '\'') {
      return quoted();
    }
    const std::size_t begin = at_;
    if (is_word_character(text_[at_])) {
      while (at_ < text_.size() && is_word_character(text_[at_])) {
        ++at_;
      }
      return {Token::Kind::kWord, text_.substr(begin, at_ - begin), begin + 1};
    }
    const bool is_double = text_.compare(at_, 2, "!=") == 0 || text_.compare(at_, 2, "==") == 0;
    at_ += is_double ? 2 : 1;
    return {Token::Kind::kSymbol, text_.substr(begin, at_ - begin), begin + 1};
  }

 private:
  Token quoted() {
    const std::size_t begin = at_;
    const char quote = text_[at_++];
    std::string value;
    while (at_ < text_.size() && text_[at_] != quote) {
      const bool is_escape =
          text_[at_] == '\\' && at_ + 1 < text_.size() && (text_[at_ + 1] == quote || text_[at_ + 1] == '\\');
      at_ += is_escape ? 1 : 0;
      value += text_[at_++];
    }
    if (at_ == text_.size()) {
      fail("filter, position {}: the quote {} is never closed: {}", begin + 1, quote, text_);
    }
    ++at_;
    return {Token::Kind::kQuoted, value, begin + 1};
  }

  const std::string& text_;
  std::size_t at_ = 0;
};

using Test = std::function<bool(const Record&)>;

/// Recursive descent over the grammar in the header; each rule gives a test.
class Parser {
 public:
  explicit Parser(const std::string& text) : text_(text), lexer_(text), token_(lexer_.next()) {}

  Test parse() {
    Test test = expression(0);
    if (token_.kind != Token::Kind::kEnd) {
      refuse("\"and\", \"or\" or the end");
    }
    return test;
  }

 private:
  Test expression(int depth) {
    Test test = term(depth);
    while (take_keyword("or")) {
      test = [left = std::move(test), right = term(depth)](const Record& r) { return left(r) || right(r); };
    }
    return test;
  }

  Test term(int depth) {
    Test test = factor(depth);
    while (take_keyword("and")) {
      test = [left = std::move(test), right = factor(depth)](const Record& r) { return left(r) && right(r); };
    }
    return test;
  }

  Test factor(int depth) {
    if (depth > kMaxDepth) {
      fail("filter, position {}: nested deeper than {} levels", token_.position, kMaxDepth);
    }
    if (take_keyword("not")) {
      return [inner = factor(depth + 1)](const Record& r) { return !inner(r); };
    }
    if (take_symbol("(")) {
      Test inner = expression(depth + 1);
      if (!take_symbol(")")) {
        refuse("\")\"");
      }
      return inner;
    }
    return comparison();
  }

  Test comparison() {
    const Token field = token_;
    if (field.kind != Token::Kind::kWord) {
      refuse("a field, \"not\" or \"(\"");
    }
    check_field(field);
    token_ = lexer_.next();
    const bool is_negated = token_.text == "!=";
    if (token_.kind != Token::Kind::kSymbol || (!is_negated && token_.text != "=" && token_.text != "==")) {
      refuse("\"=\" or \"!=\"");
    }
    token_ = lexer_.next();
    if (token_.kind != Token::Kind::kWord && token_.kind != Token::Kind::kQuoted) {
      refuse("a value");
    }
    Test test = equals(field.text, token_.text);
    token_ = lexer_.next();
    if (is_negated) {
      return [test](const Record& r) { return !test(r); };
    }
    return test;
  }

  static Test equals(const std::string& field, const std::string& value) {
    if (field == "labels") {
      return [value](const Record& r) {
        return std::find(r.labels.begin(), r.labels.end(), value) != r.labels.end();
      };
    }
    return [member = text_fields().at(field), value](const Record& r) { return r.*member == value; };
  }

  void check_field(const Token& field) const {
    std::vector<std::string> known{"labels"};
    for (const auto& [name, member] : text_fields()) {
      known.push_back(name);
    }
    if (std::find(known.begin(), known.end(), field.text) != known.end()) {
      return;
    }
    const std::string nearest = nearest_word(field.text, known);
    fail("filter, position {}: no field {:?}{}; fields are {}", field.position, field.text,
         nearest.empty() ? "" : fmt::format(", did you mean {:?}?", nearest), fmt::join(known, ", "));
  }

  bool take_keyword(std::string_view keyword) {
    const bool is_same = token_.kind == Token::Kind::kWord &&
                         std::equal(token_.text.begin(), token_.text.end(), keyword.begin(), keyword.end(),
                                    [](unsigned char a, unsigned char b) { return std::tolower(a) == b; });
    return is_same && advance();
  }
  bool take_symbol(std::string_view symbol) {
    return token_.kind == Token::Kind::kSymbol && token_.text == symbol && advance();
  }
  bool advance() {
    token_ = lexer_.next();
    return true;
  }

  [[noreturn]] void refuse(const std::string& expected) const {
    const bool is_end = token_.kind == Token::Kind::kEnd;
    fail("filter, position {}: expected {}, found {} in: {}", token_.position, expected,
         is_end ? token_.text : fmt::format("{:?}", token_.text), text_);
  }

  const std::string& text_;
  Lexer lexer_;
  Token token_;
};

}  // namespace

Filter parse_filter(const std::string& expression) { return Filter(Parser(expression).parse()); }

bool matches(const Filter& filter, const Record& record) { return filter(record); }

Manifest filtered(Manifest manifest, const std::string& expression) {
  if (expression.empty()) {
    return manifest;
  }
  const Filter filter = parse_filter(expression);
  const std::size_t before = manifest.records.size();
  std::erase_if(manifest.records, [&](const Record& record) { return !filter(record); });
  if (manifest.records.empty()) {
    fail("{}: none of {} records matches the filter: {}", manifest.root.string(), before, expression);
  }
  return manifest;
}

}  // namespace medisyn
