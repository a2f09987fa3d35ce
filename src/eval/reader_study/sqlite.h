// SQLite with errors as Error and statements that are always prepared: values are bound, never part of SQL.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "medisyn/core/files.h"

namespace medisyn {

class Database {
 public:
  /// Opens or makes the file. Every commit is synced before it returns (WAL, synchronous=FULL).
  explicit Database(const fs::path& path);

  /// Statements without values.
  void run(const std::string& sql);

  sqlite3* handle() const { return handle_.get(); }
  /// Error with SQLite's own words.
  [[noreturn]] void refuse() const;

 private:
  struct Close {
    void operator()(sqlite3* handle) const { sqlite3_close_v2(handle); }
  };
  std::string path_;
  std::unique_ptr<sqlite3, Close> handle_;
};

class Statement {
 public:
  Statement(const Database& database, std::string_view sql);

  /// The next ?; nothing is NULL.
  Statement& bind(std::string_view text);
  Statement& bind(std::optional<std::int64_t> number);
  Statement& bind_optional(const std::optional<std::string>& text);

  /// True when there is a row, false at the end.
  bool step();

  /// Columns of the row, from 0.
  std::string text(int column) const;
  std::int64_t number(int column) const;
  std::optional<std::string> optional_text(int column) const;
  std::optional<std::int64_t> optional_number(int column) const;

 private:
  bool is_null(int column) const;
  void check(int code) const;

  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  const Database& database_;
  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

/// One writer at a time, other processes included; undone unless commit() was called.
class Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  /// When it returns, what was written survives a kill and a power cut.
  void commit();

 private:
  Database& database_;
  bool is_open_ = true;
};

}  // namespace medisyn
