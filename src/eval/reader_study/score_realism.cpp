#include <algorithm>

#include "reader_case_bootstrap.h"
#include "reader_sheets.h"

namespace medisyn {
namespace {

/// The pairs of one class or type, "" for all.
struct Slice {
  std::string class_name = {}, type = {};
  std::vector<std::string> trials = {};
};

std::vector<Slice> slices_of(const StudyKey& key) {
  std::vector<Slice> slices = {{}};
  for (const std::string& name : key.classes) {
    slices.push_back({.class_name = name});
  }
  for (const TrialType type : {TrialType::kRealReal, TrialType::kSyntheticSynthetic, TrialType::kMixed}) {
    slices.push_back({.type = std::string(name_of(type))});
  }
  for (const auto& [id, trial] : key.trials) {
    for (Slice& slice : slices) {
      if (trial.part == PartKind::kPairs &&
          (slice.class_name.empty() || slice.class_name == trial.class_name) &&
          (slice.type.empty() || slice.type == name_of(trial.type))) {
        slice.trials.push_back(id);
      }
    }
  }
  std::erase_if(slices, [](const Slice& slice) { return slice.trials.empty(); });
  return slices;
}

/// What one reader's answer to one pair adds.
Marks marks_of(const ReaderAnswer& answer, const KeyTrial& trial, const StudyKey& key) {
  Marks marks;
  for (std::size_t side = 0; side < trial.images.size(); ++side) {
    if (const auto mark = mark_of(answer, side)) {
      marks.add(key.images.at(trial.images[side]).is_synthetic, *mark);
    }
  }
  return marks;
}

void add(Marks& sum, const Marks& marks) {
  sum.true_positive += marks.true_positive;
  sum.false_negative += marks.false_negative;
  sum.false_positive += marks.false_positive;
  sum.true_negative += marks.true_negative;
}

RealismScore score_reader(const StudyKey& key, const Slice& slice, const std::string& group,
                          const ReaderSheet& reader) {
  RealismScore score{
      .group = group, .reader = reader.name, .class_name = slice.class_name, .type = slice.type};
  for (const std::string& id : slice.trials) {
    if (const auto answer = reader.answers.find(id); answer != reader.answers.end()) {
      const Marks marks = marks_of(*answer->second, key.trials.at(id), key);
      add(score.marks, marks);
      if (marks.images() == 2) {
        ++score.pairs;
        score.pairs_right += marks.true_positive + marks.true_negative == 2 ? 1 : 0;
      }
    }
  }
  const Marks& marks = score.marks;
  score.recall = marks.recall();
  score.precision = marks.precision();
  score.accuracy = marks.accuracy();
  if (score.accuracy) {
    score.accuracy_interval = wilson_interval(marks.true_positive + marks.true_negative, marks.images());
  }
  if (score.recall) {
    score.readers_recall = 1;
    score.recall_interval = wilson_interval(marks.true_positive, marks.true_positive + marks.false_negative);
  }
  if (score.precision) {
    score.readers_precision = 1;
    score.precision_interval =
        wilson_interval(marks.true_positive, marks.true_positive + marks.false_positive);
  }
  return score;
}

/// Mean of those that are defined.
class Mean {
 public:
  void add(const std::optional<double>& value) {
    if (value) {
      sum_ += *value;
      ++count_;
    }
  }
  std::int64_t count() const { return count_; }
  std::optional<double> value() const {
    return count_ == 0 ? std::nullopt : std::optional(sum_ / static_cast<double>(count_));
  }

 private:
  double sum_ = 0;
  std::int64_t count_ = 0;
};

/// [readers that judged a pair][pairs]
std::vector<std::vector<Marks>> marks_table(const StudyKey& key, const Slice& slice,
                                            const std::vector<ReaderSheet>& readers) {
  std::vector<std::vector<Marks>> table;
  for (const ReaderSheet& reader : readers) {
    std::vector<Marks> row;
    std::int64_t images = 0;
    for (const std::string& id : slice.trials) {
      const auto answer = reader.answers.find(id);
      row.push_back(answer == reader.answers.end() ? Marks{}
                                                   : marks_of(*answer->second, key.trials.at(id), key));
      images += row.back().images();
    }
    if (images > 0) {
      table.push_back(std::move(row));
    }
  }
  return table;
}

void bootstrap(const StudyKey& key, const Slice& slice, const std::vector<ReaderSheet>& readers,
               const ScoreOptions& options, RealismScore& score) {
  const std::vector<std::vector<Marks>> table = marks_table(key, slice, readers);
  const auto means = [&](const std::vector<std::size_t>& chosen, const std::vector<std::size_t>& pairs) {
    Mean recall, precision, accuracy;
    for (const std::size_t reader : chosen) {
      Marks marks;
      for (const std::size_t pair : pairs) {
        add(marks, table[reader][pair]);
      }
      recall.add(marks.recall());
      precision.add(marks.precision());
      accuracy.add(marks.accuracy());
    }
    return std::vector{recall.value(), precision.value(), accuracy.value()};
  };
  const auto intervals = reader_case_bootstrap(table.size(), slice.trials.size(), 3, options, means);
  score.recall_interval = intervals[0];
  score.precision_interval = intervals[1];
  score.accuracy_interval = intervals[2];
}

}  // namespace

void score_realism(const StudyKey& key, const ReaderSheets& sheets, const ScoreOptions& options,
                   StudyScore& score) {
  for (const Slice& slice : slices_of(key)) {
    for (const auto& [group, readers] : sheets) {
      RealismScore whole{.group = group, .class_name = slice.class_name, .type = slice.type};
      Mean recall, precision, accuracy;
      for (const ReaderSheet& reader : readers) {
        const RealismScore one = score_reader(key, slice, group, reader);
        add(whole.marks, one.marks);
        whole.pairs += one.pairs;
        whole.pairs_right += one.pairs_right;
        recall.add(one.recall);
        precision.add(one.precision);
        accuracy.add(one.accuracy);
        score.realism.push_back(one);
      }
      whole.readers_recall = recall.count();
      whole.readers_precision = precision.count();
      whole.recall = recall.value();
      whole.precision = precision.value();
      whole.accuracy = accuracy.value();
      bootstrap(key, slice, readers, options, whole);
      score.realism.push_back(whole);
    }
  }
}

}  // namespace medisyn
