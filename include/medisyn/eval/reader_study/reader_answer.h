// One answer of one reader: a row of the CSV, an object of the JSON, a row of the database.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/eval/reader_study/study.h"

namespace medisyn {

struct ReaderAnswer {
  std::string reader = {};
  std::string part = {};  ///< "pairs", "singles"
  std::string trial = {};
  std::int64_t position = 0;  ///< within the part, from 1
  std::optional<std::int64_t> left_synthetic = {};
  std::optional<std::int64_t> right_synthetic = {};
  std::optional<std::int64_t> quality_sufficient = {};
  std::optional<std::string> class_name = {};  ///< column "class"
  std::optional<std::int64_t> confidence = {};
  std::int64_t response_ms = 0;
  std::string answered_at = {};  ///< ISO 8601, UTC

  /// The same choice on the same trial; times may differ.
  bool says_the_same_as(const ReaderAnswer& other) const;
};

/// study_id,reader,part,trial,position,left_synthetic,...
std::vector<std::string> answer_columns();
std::vector<std::string> answer_row(const std::string& study_id, const ReaderAnswer& answer);
Json to_json(const std::string& study_id, const ReaderAnswer& answer);

/// An answer out of a request's body, for this reader. Refusal 400: no JSON object, an unknown key or a wrong
/// type; 403: another reader's; 404: no such part or trial; 409: another study's; 422: a value that the study
/// does not allow, one too many or one missing. `answered_at` of the body is passed over: the server's clock
/// counts.
ReaderAnswer parse_answer(const std::string& body, const Study& study, const std::string& reader);

/// Now, as 2026-01-31T08:15:30Z.
std::string utc_now();

}  // namespace medisyn
