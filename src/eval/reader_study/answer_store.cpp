#include "medisyn/eval/reader_study/answer_store.h"

#include <fmt/format.h>
#include <openssl/crypto.h>
#include <sys/random.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/eval/reader_study/refusal.h"
#include "sqlite.h"

namespace medisyn {
namespace {

constexpr const char* kTables = R"(
CREATE TABLE IF NOT EXISTS study(key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;
CREATE TABLE IF NOT EXISTS readers(
  reader TEXT PRIMARY KEY, reader_group TEXT NOT NULL, token TEXT NOT NULL UNIQUE) STRICT;
CREATE TABLE IF NOT EXISTS answers(
  id INTEGER PRIMARY KEY, reader TEXT NOT NULL REFERENCES readers(reader), part TEXT NOT NULL,
  trial TEXT NOT NULL, position INTEGER NOT NULL, left_synthetic INTEGER, right_synthetic INTEGER,
  quality_sufficient INTEGER, class TEXT, confidence INTEGER, response_ms INTEGER NOT NULL,
  answered_at TEXT NOT NULL) STRICT;
CREATE INDEX IF NOT EXISTS answers_of_reader ON answers(reader, id);
)";

constexpr std::string_view kSelect =
    "SELECT reader, part, trial, position, left_synthetic, right_synthetic, quality_sufficient, class, "
    "confidence, response_ms, answered_at FROM answers ";

ReaderAnswer answer_of(const Statement& row) {
  return {.reader = row.text(0),
          .part = row.text(1),
          .trial = row.text(2),
          .position = row.number(3),
          .left_synthetic = row.optional_number(4),
          .right_synthetic = row.optional_number(5),
          .quality_sufficient = row.optional_number(6),
          .class_name = row.optional_text(7),
          .confidence = row.optional_number(8),
          .response_ms = row.number(9),
          .answered_at = row.text(10)};
}

std::vector<ReaderAnswer> select_answers(const Database& database, const std::string& reader) {
  Statement rows(
      database,
      fmt::format("{}{}", kSelect, reader.empty() ? "ORDER BY reader, id" : "WHERE reader = ? ORDER BY id"));
  if (!reader.empty()) {
    rows.bind(reader);
  }
  std::vector<ReaderAnswer> answers;
  while (rows.step()) {
    answers.push_back(answer_of(rows));
  }
  return answers;
}

void check_reader(const Reader& reader) {
  const auto is_plain = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  const std::string& name = reader.name;
  const bool is_name = !name.empty() && name.size() <= 32 && is_plain(name[0]) &&
                       std::all_of(name.begin(), name.end(),
                                   [&](char c) { return is_plain(c) || c == '.' || c == '-' || c == '_'; });
  if (!is_name) {
    fail(
        "reader {:?}: expected 1 to 32 letters, digits, dots, dashes and underscores, a letter or digit "
        "first",
        name);
  }
  const bool has_control = std::any_of(reader.group.begin(), reader.group.end(),
                                       [](unsigned char c) { return c < ' ' || c == 0x7F; });
  if (reader.group.size() > 64 || has_control) {
    fail("reader {}: expected a group of at most 64 bytes without control characters, found {:?}", name,
         reader.group);
  }
}

/// "pairs/p007": the first trial of the study that is not in `answered`, "" when all are.
std::string first_open(const Study& study, const std::map<std::string, ReaderAnswer>& answered) {
  for (const Part& part : study.parts) {
    for (const Trial& trial : part.trials) {
      const std::string key = fmt::format("{}/{}", name_of(part.kind), trial.id);
      if (!answered.contains(key)) {
        return key;
      }
    }
  }
  return {};
}

}  // namespace

std::string random_secret() {
  std::array<unsigned char, 16> bytes{};
  if (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    fail("the system's random generator gives nothing");
  }
  std::string text;
  for (const unsigned char byte : bytes) {
    text += fmt::format("{:02x}", byte);
  }
  return text;
}

bool same_secret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

AnswerStore::AnswerStore(const fs::path& file, const Study& study)
    : study_(study), file_(file.string()), database_(std::make_unique<Database>(file)) {
  database_->run(kTables);
  require_same_study();
  admin_secret_ = value("admin_secret", random_secret());
}

AnswerStore::~AnswerStore() = default;

std::string AnswerStore::value(const std::string& key, const std::string& if_new) {
  Statement add(*database_, "INSERT INTO study(key, value) VALUES(?, ?) ON CONFLICT(key) DO NOTHING");
  add.bind(key).bind(if_new).step();
  Statement row(*database_, "SELECT value FROM study WHERE key = ?");
  row.bind(key).step();
  return row.text(0);
}

void AnswerStore::require_same_study() {
  const std::string id = value("study_id", study_.id);
  const std::string hash = sha256_hex(to_json(study_).dump());
  if (id != study_.id || value("study_sha256", hash) != hash) {
    fail("{}: expected answers of this study ({}), found those of {}; name another --database", file_,
         study_.id, id == study_.id ? "an earlier version of it" : "study " + id);
  }
}

void AnswerStore::add_readers(const std::vector<Reader>& readers) {
  std::set<std::string> names;
  for (const Reader& reader : readers) {
    check_reader(reader);
    if (!names.insert(reader.name).second) {
      fail("reader {}: comes twice", reader.name);
    }
  }
  const std::lock_guard lock(mutex_);
  Transaction transaction(*database_);
  for (const Reader& reader : readers) {
    Statement add(*database_,
                  "INSERT INTO readers(reader, reader_group, token) VALUES(?, ?, ?) "
                  "ON CONFLICT(reader) DO UPDATE SET reader_group = excluded.reader_group");
    add.bind(reader.name).bind(reader.group).bind(random_secret()).step();
  }
  transaction.commit();
}

std::vector<Reader> AnswerStore::readers() const {
  const std::lock_guard lock(mutex_);
  Statement rows(*database_, "SELECT reader, reader_group, token FROM readers ORDER BY rowid");
  std::vector<Reader> readers;
  while (rows.step()) {
    readers.push_back({.name = rows.text(0), .group = rows.text(1), .token = rows.text(2)});
  }
  return readers;
}

void AnswerStore::save(const ReaderAnswer& answer) {
  const std::lock_guard lock(mutex_);
  Transaction transaction(*database_);
  std::map<std::string, ReaderAnswer> answered;
  for (ReaderAnswer& old : select_answers(*database_, answer.reader)) {
    const std::string key = old.part + "/" + old.trial;
    answered.insert_or_assign(key, std::move(old));
  }
  const std::string key = answer.part + "/" + answer.trial;
  const auto old = answered.find(key);
  if (old != answered.end() && old->second.says_the_same_as(answer)) {
    return;
  }
  if (old != answered.end() && !study_.allow_back) {
    throw Refusal(409, "this trial is answered, and the study does not go back");
  }
  if (old == answered.end() && key != first_open(study_, answered)) {
    throw Refusal(409, "an earlier trial is still open");
  }
  insert(answer);
  transaction.commit();
}

void AnswerStore::insert(const ReaderAnswer& answer) {
  Statement row(
      *database_,
      "INSERT INTO answers(reader, part, trial, position, left_synthetic, right_synthetic, "
      "quality_sufficient, class, confidence, response_ms, answered_at) VALUES(?,?,?,?,?,?,?,?,?,?,?)");
  row.bind(answer.reader)
      .bind(answer.part)
      .bind(answer.trial)
      .bind(answer.position)
      .bind(answer.left_synthetic)
      .bind(answer.right_synthetic)
      .bind(answer.quality_sufficient)
      .bind_optional(answer.class_name)
      .bind(answer.confidence)
      .bind(answer.response_ms)
      .bind(answer.answered_at)
      .step();
}

std::vector<ReaderAnswer> AnswerStore::answers(const std::string& reader) const {
  const std::lock_guard lock(mutex_);
  return select_answers(*database_, reader);
}

}  // namespace medisyn
