#include "medisyn/eval/reader_study/score.h"

#include <algorithm>

#include "reader_sheets.h"

namespace medisyn {
namespace {

std::optional<double> ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? std::nullopt : std::optional(static_cast<double>(part) / static_cast<double>(whole));
}

ReaderSheets lay_out(const StudyKey& key, const std::vector<ReaderAnswer>& answers) {
  std::map<std::string, ReaderSheet> readers;
  for (const auto& [name, group] : key.readers) {
    readers[name].name = name;
  }
  for (const ReaderAnswer& answer : answers) {
    readers[answer.reader].name = answer.reader;
    readers[answer.reader].answers[answer.trial] = &answer;
  }
  ReaderSheets sheets;
  for (auto& [name, sheet] : readers) {
    const auto group = key.readers.find(name);
    sheets[group == key.readers.end() ? "" : group->second].push_back(std::move(sheet));
  }
  return sheets;
}

bool is_complete(const ReaderAnswer& answer, PartKind part) {
  return part == PartKind::kPairs ? answer.left_synthetic && answer.right_synthetic
                                  : answer.quality_sufficient && answer.class_name && answer.confidence;
}

void count_completeness(const StudyKey& key, const ReaderSheets& sheets, StudyScore& score) {
  for (const auto& [group, readers] : sheets) {
    for (const ReaderSheet& reader : readers) {
      Completeness row{.group = group, .reader = reader.name};
      for (const auto& [id, trial] : key.trials) {
        const auto answer = reader.answers.find(id);
        if (answer == reader.answers.end()) {
          ++row.missing;
        } else {
          ++(is_complete(*answer->second, trial.part) ? row.answered : row.incomplete);
        }
      }
      score.completeness.push_back(row);
    }
  }
}

}  // namespace

std::optional<double> Marks::recall() const { return ratio(true_positive, true_positive + false_negative); }
std::optional<double> Marks::precision() const {
  return ratio(true_positive, true_positive + false_positive);
}
std::optional<double> Marks::accuracy() const { return ratio(true_positive + true_negative, images()); }

void Marks::add(bool is_synthetic, bool is_marked, std::int64_t times) {
  (is_synthetic ? (is_marked ? true_positive : false_negative)
                : (is_marked ? false_positive : true_negative)) += times;
}

std::optional<bool> mark_of(const ReaderAnswer& answer, std::size_t side) {
  const auto& mark = side == 0 ? answer.left_synthetic : answer.right_synthetic;
  return mark ? std::optional(*mark != 0) : std::nullopt;
}

std::size_t class_number(const StudyKey& key, const std::string& name) {
  return static_cast<std::size_t>(std::find(key.classes.begin(), key.classes.end(), name) -
                                  key.classes.begin());
}

StudyScore score_study(const StudyKey& key, const std::vector<ReaderAnswer>& answers,
                       const ScoreOptions& options) {
  const ReaderSheets sheets = lay_out(key, answers);
  StudyScore score;
  count_completeness(key, sheets, score);
  score_realism(key, sheets, options, score);
  score_alignment(key, sheets, options, score);
  score_times(key, sheets, score);
  score_agreement(key, sheets, score);
  return score;
}

}  // namespace medisyn
