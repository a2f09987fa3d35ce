#include <algorithm>
#include <cmath>

#include "reader_case_bootstrap.h"
#include "reader_sheets.h"

namespace medisyn {
namespace {

class AlignmentSum {
 public:
  void add(const ReaderAnswer& answer, const std::string& true_class) {
    ++score.images;
    if (answer.quality_sufficient) {
      ++score.quality_answers;
      score.quality_sufficient += *answer.quality_sufficient;
    }
    if (answer.class_name) {
      ++score.class_answers;
      score.class_correct += *answer.class_name == true_class ? 1 : 0;
    }
    if (answer.confidence) {
      confidences_.push_back(static_cast<double>(*answer.confidence));
    }
  }

  AlignmentScore take() {
    const auto n = static_cast<double>(confidences_.size());
    double sum = 0, squares = 0;
    for (const double value : confidences_) {
      sum += value;
    }
    score.confidence_answers = std::ssize(confidences_);
    score.confidence_mean = n > 0 ? sum / n : 0;
    for (const double value : confidences_) {
      squares += (value - score.confidence_mean) * (value - score.confidence_mean);
    }
    score.confidence_deviation = n > 1 ? std::sqrt(squares / (n - 1)) : 0;
    if (score.quality_answers > 0) {
      score.quality_interval = wilson_interval(score.quality_sufficient, score.quality_answers);
    }
    if (score.class_answers > 0) {
      score.class_interval = wilson_interval(score.class_correct, score.class_answers);
    }
    return score;
  }

  AlignmentScore score;

 private:
  std::vector<double> confidences_;
};

bool is_single(const KeyTrial& trial, bool is_synthetic) {
  return trial.part == PartKind::kSingles && (trial.type == TrialType::kSynthetic) == is_synthetic;
}

/// Sums over answers; a rate is sum over count.
struct Sum {
  double sum = 0, count = 0;

  void add(double value) {
    sum += value;
    ++count;
  }
  std::optional<double> mean() const { return count == 0 ? std::nullopt : std::optional(sum / count); }
};

void bootstrap(const StudyKey& key, const std::vector<ReaderSheet>& readers, const ScoreOptions& options,
               AlignmentScore& score) {
  std::vector<std::pair<std::string, const KeyTrial*>> cases;
  for (const auto& [id, trial] : key.trials) {
    if (is_single(trial, score.is_synthetic)) {
      cases.emplace_back(id, &trial);
    }
  }
  std::vector<std::vector<const ReaderAnswer*>> table;  // [readers with an answer][cases]
  for (const ReaderSheet& reader : readers) {
    std::vector<const ReaderAnswer*> row;
    for (const auto& [id, trial] : cases) {
      const auto answer = reader.answers.find(id);
      row.push_back(answer == reader.answers.end() ? nullptr : answer->second);
    }
    if (std::any_of(row.begin(), row.end(), [](const ReaderAnswer* answer) { return answer != nullptr; })) {
      table.push_back(std::move(row));
    }
  }
  const auto rates = [&](const std::vector<std::size_t>& chosen, const std::vector<std::size_t>& drawn) {
    Sum quality, right, confidence;
    for (const std::size_t reader : chosen) {
      for (const std::size_t c : drawn) {
        const ReaderAnswer* answer = table[reader][c];
        if (answer != nullptr && answer->quality_sufficient) {
          quality.add(static_cast<double>(*answer->quality_sufficient));
        }
        if (answer != nullptr && answer->class_name) {
          right.add(*answer->class_name == cases[c].second->class_name ? 1 : 0);
        }
        if (answer != nullptr && answer->confidence) {
          confidence.add(static_cast<double>(*answer->confidence));
        }
      }
    }
    return std::vector{quality.mean(), right.mean(), confidence.mean()};
  };
  const auto intervals = reader_case_bootstrap(table.size(), cases.size(), 3, options, rates);
  score.quality_interval = intervals[0];
  score.class_interval = intervals[1];
  score.confidence_interval = intervals[2];
}

}  // namespace

void score_alignment(const StudyKey& key, const ReaderSheets& sheets, const ScoreOptions& options,
                     StudyScore& score) {
  for (const auto& [group, readers] : sheets) {
    for (const bool is_synthetic : {false, true}) {
      AlignmentSum whole;
      ConfusionMatrix matrix{.group = group, .is_synthetic = is_synthetic};
      matrix.counts.assign(key.classes.size(), std::vector<std::int64_t>(key.classes.size(), 0));
      const auto finish = [&](AlignmentSum& sum, const std::string& reader) {
        AlignmentScore made = sum.take();
        made.group = group;
        made.reader = reader;
        made.is_synthetic = is_synthetic;
        if (reader.empty()) {
          bootstrap(key, readers, options, made);
        }
        score.alignment.push_back(std::move(made));
      };
      for (const ReaderSheet& reader : readers) {
        AlignmentSum one;
        for (const auto& [id, answer] : reader.answers) {
          const KeyTrial& trial = key.trials.at(id);
          if (!is_single(trial, is_synthetic)) {
            continue;
          }
          one.add(*answer, trial.class_name);
          whole.add(*answer, trial.class_name);
          if (answer->class_name) {
            ++matrix.counts[class_number(key, trial.class_name)][class_number(key, *answer->class_name)];
          }
        }
        finish(one, reader.name);
      }
      finish(whole, "");
      score.confusion.push_back(std::move(matrix));
    }
  }
}

}  // namespace medisyn
