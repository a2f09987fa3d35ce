// Readers' answers out of files, checked against the key.
#pragma once

#include <cstdint>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/eval/reader_study/key.h"
#include "medisyn/eval/reader_study/reader_answer.h"

namespace medisyn {

struct StudyAnswers {
  std::vector<ReaderAnswer> answers =
      {};                     ///< by reader and trial, the latest of each; response_ms -1: not given
  std::int64_t rows = 0;      ///< in the files
  std::int64_t training = 0;  ///< of these to training trials, which count for nothing
  std::int64_t replaced = 0;  ///< of these, answers that a later one replaces
  std::int64_t files = 0;
  std::int64_t empty_files = 0;  ///< without a row
};

/// A CSV, a JSON download, or a folder of both, in order of name (other files are passed over). The latest
/// answered_at counts, and of equal ones the later row. Error FILE:LINE (of JSON FILE: answer N) for another
/// study, a reader, part or trial that is not in the key, or a value that no question takes.
StudyAnswers read_answers(const fs::path& path, const StudyKey& key);

}  // namespace medisyn
