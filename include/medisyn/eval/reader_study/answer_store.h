// The database of a served study (SQLite): its readers with their secrets, and every answer.
//
//   study(key, value)                      study_id, study_sha256, admin_secret
//   readers(reader, reader_group, token)   one secret each
//   answers(id, reader, part, trial, ...)  in the order of arrival, nothing is ever changed or deleted; the
//                                          latest row of a reader's trial counts
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/eval/reader_study/reader_answer.h"
#include "medisyn/eval/reader_study/study.h"

namespace medisyn {

class Database;

struct Reader {
  std::string name = {};
  std::string group = {};  ///< "" for none
  std::string token = {};  ///< 32 hex digits; whoever has it answers as this reader
};

/// 128 bits of the system's generator as hex.
std::string random_secret();

/// Compares without telling by the time taken where two secrets differ.
bool same_secret(std::string_view a, std::string_view b);

/// May be used by several threads and processes at once.
class AnswerStore {
 public:
  /// Opens or makes the file. Error when it holds another study, or this one with other trials.
  AnswerStore(const fs::path& file, const Study& study);
  ~AnswerStore();

  /// Adds those that are not there yet, with new secrets, and sets the groups of those that are. Error for a
  /// name that is not 1 to 32 of letters, digits, dot, dash and underscore (a letter or digit first), for one
  /// that comes twice, and for a group of more than 64 bytes or with control characters.
  void add_readers(const std::vector<Reader>& readers);

  std::vector<Reader> readers() const;
  const std::string& admin_secret() const { return admin_secret_; }

  /// When it returns, the answer is on the disk. An answer that says again what is stored already is accepted
  /// and not stored twice (the first reply may have been lost). Refusal 409 unless the trial is the first
  /// open one of the reader, or, where the study allows going back, one that was answered.
  void save(const ReaderAnswer& answer);

  /// In the order of arrival; "" for all readers, ordered by reader then.
  std::vector<ReaderAnswer> answers(const std::string& reader = "") const;

 private:
  void require_same_study();
  std::string value(const std::string& key, const std::string& if_new);
  void insert(const ReaderAnswer& answer);

  const Study& study_;
  std::string file_;
  std::string admin_secret_;
  std::unique_ptr<Database> database_;
  mutable std::mutex mutex_;
};

}  // namespace medisyn
