#include "medisyn/eval/reader_study/answers.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "medisyn/core/error.h"
#include "medisyn/core/numbers.h"
#include "medisyn/io/csv.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

constexpr const char* kSchema = "medisyn.reader_answers/1";

/// One answer as text, column by column; "" where it says nothing.
using Row = std::map<std::string, std::string>;

bool is_training(const std::string& trial) {
  return trial.size() >= 4 && trial[0] == 't' &&
         std::all_of(trial.begin() + 1, trial.end(), [](char c) { return c >= '0' && c <= '9'; });
}

std::optional<std::int64_t> number(const Row& row, const char* column, std::int64_t least, std::int64_t most,
                                   const std::string& where) {
  const std::string& text = row.at(column);
  if (text.empty()) {
    return std::nullopt;
  }
  const auto value = parse_number<std::int64_t>(text);
  if (!value || *value < least || *value > most) {
    fail("{}: {}: expected {} to {}, or nothing, found {:?}", where, column, least, most, text);
  }
  return value;
}

class Reading {
 public:
  explicit Reading(const StudyKey& key) : key_(key) {}

  void read_file_of(const fs::path& file) {
    ++made_.files;
    const std::int64_t before = made_.rows;
    if (file.extension() == ".json") {
      read_json(file);
    } else {
      read_table(file);
    }
    made_.empty_files += made_.rows == before ? 1 : 0;
  }

  StudyAnswers take() {
    for (auto& [place, answer] : latest_) {
      made_.answers.push_back(std::move(answer));
    }
    return std::move(made_);
  }

 private:
  void read_table(const fs::path& file) {
    if (medisyn::read_file(file).find_first_not_of(" \t\r\n") == std::string::npos) {
      return;
    }
    const Table table = read_csv(file);
    for (std::size_t i = 0; i < table.rows.size(); ++i) {
      Row row;
      for (const std::string& column : answer_columns()) {
        row[column] = table.rows[i][table.column(column)];
      }
      add(row, table.where(i));
    }
  }

  void read_json(const fs::path& file) {
    const Json json = parse_json(medisyn::read_file(file), file.string());
    if (!json.is_object() || json.value("schema", Json()) != kSchema || !json.contains("answers") ||
        !json["answers"].is_array()) {
      fail("{}: expected an object of schema {} with a list of answers", file.string(), kSchema);
    }
    std::int64_t number = 0;
    for (const Json& answer : json["answers"]) {
      const std::string where = fmt::format("{}: answer {}", file.string(), ++number);
      if (!answer.is_object()) {
        fail("{}: expected an object, found {}", where, answer.type_name());
      }
      Row row;
      for (const std::string& column : answer_columns()) {
        const Json value = answer.contains(column) ? answer[column]
                           : json.contains(column) ? json[column]
                                                   : Json();
        row[column] = value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump();
      }
      add(row, where);
    }
  }

  void add(const Row& row, const std::string& where) {
    ++made_.rows;
    if (row.at("study_id") != key_.study_id) {
      fail("{}: study_id: expected {}, the key's, found {:?}", where, key_.study_id, row.at("study_id"));
    }
    if (const std::string& reader = row.at("reader");
        reader.empty() || (!key_.readers.empty() && !key_.readers.contains(reader))) {
      fail("{}: reader: {:?} is no reader of the key", where, reader);
    }
    if (is_training(row.at("trial"))) {
      ++made_.training;
      return;
    }
    const auto trial = key_.trials.find(row.at("trial"));
    if (trial == key_.trials.end()) {
      fail("{}: trial: {:?} is no trial of the key", where, row.at("trial"));
    }
    if (row.at("part") != name_of(trial->second.part)) {
      fail("{}: part: {} is a trial of {}, found {:?}", where, trial->first, name_of(trial->second.part),
           row.at("part"));
    }
    keep(parse(row, where));
  }

  ReaderAnswer parse(const Row& row, const std::string& where) const {
    ReaderAnswer answer{.reader = row.at("reader"),
                        .part = row.at("part"),
                        .trial = row.at("trial"),
                        .position = number(row, "position", 0, 1000000, where).value_or(0),
                        .left_synthetic = number(row, "left_synthetic", 0, 1, where),
                        .right_synthetic = number(row, "right_synthetic", 0, 1, where),
                        .quality_sufficient = number(row, "quality_sufficient", 0, 1, where),
                        .confidence = number(row, "confidence", 1, 5, where),
                        .response_ms = number(row, "response_ms", 0, INT64_MAX, where).value_or(-1),
                        .answered_at = row.at("answered_at")};
    if (const std::string& name = row.at("class"); !name.empty()) {
      if (std::find(key_.classes.begin(), key_.classes.end(), name) == key_.classes.end()) {
        fail("{}: class: {:?} is none of the study's", where, name);
      }
      answer.class_name = name;
    }
    return answer;
  }

  /// Without the Z, so that "08:15:30Z" stands before "08:15:30.5Z".
  static std::string time_of(const ReaderAnswer& answer) {
    return answer.answered_at.substr(0, answer.answered_at.find('Z'));
  }

  void keep(ReaderAnswer answer) {
    const auto [place, is_new] = latest_.try_emplace({answer.reader, answer.trial}, answer);
    if (!is_new) {
      ++made_.replaced;
      if (time_of(answer) >= time_of(place->second)) {
        place->second = std::move(answer);
      }
    }
  }

  const StudyKey& key_;
  StudyAnswers made_;
  std::map<std::pair<std::string, std::string>, ReaderAnswer> latest_;
};

}  // namespace

StudyAnswers read_answers(const fs::path& path, const StudyKey& key) {
  std::vector<fs::path> files = {path};
  if (fs::is_directory(path)) {
    files.clear();
    for (const auto& entry : fs::directory_iterator(path)) {
      if (entry.path().extension() == ".csv" || entry.path().extension() == ".json") {
        files.push_back(entry.path());
      }
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) {
      fail("{}: expected answers as .csv or .json files, found none", path.string());
    }
  }
  Reading reading(key);
  for (const fs::path& file : files) {
    require_file(file, "readers' answers (.csv, .json or a folder of them)");
    reading.read_file_of(file);
  }
  return reading.take();
}

}  // namespace medisyn
