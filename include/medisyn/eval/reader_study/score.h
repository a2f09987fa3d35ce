// What readers' answers say: realism of pairs, alignment of single images with their text, times, agreement.
//
// Realism is scored image by image; synthetic is the positive class. For a reader
//
//   recall    = synthetic images marked / synthetic images judged
//   precision = synthetic images marked / images marked               undefined when nothing is marked
//
// and a group's is the mean over its readers, without those for whom it is undefined (the paper's equations 2
// and 3, of which the text is lost). An image that a reader did not judge counts nowhere.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/eval/reader_study/answers.h"
#include "medisyn/eval/reader_study/key.h"
#include "medisyn/stats/wilson.h"

namespace medisyn {

struct Marks {
  std::int64_t true_positive = 0, false_negative = 0, false_positive = 0, true_negative = 0;

  std::int64_t images() const { return true_positive + false_negative + false_positive + true_negative; }
  std::optional<double> recall() const;
  std::optional<double> precision() const;
  std::optional<double> accuracy() const;
  void add(bool is_synthetic, bool is_marked, std::int64_t times = 1);
};

/// Low and high of 95 %; none where fewer than 2 readers or cases, or half of the draws, define the value.
using Interval = std::optional<RateInterval>;

struct RealismScore {
  std::string group = {}, reader = {};  ///< reader "": the group
  std::string class_name = {};          ///< "": all
  std::string type = {};                ///< of pairs; "": all
  Marks marks = {};                     ///< of a group: of all its readers
  std::int64_t pairs = 0, pairs_right = 0;
  std::int64_t readers_recall = 0, readers_precision = 0;  ///< for how many of a group it is defined
  std::optional<double> recall = {}, precision = {}, accuracy = {};  ///< of a group: means over readers
  /// Of a reader Wilson's interval; of a group the reader-by-case bootstrap of the mean.
  Interval recall_interval = {}, precision_interval = {}, accuracy_interval = {};
};

/// Single images, real or synthetic. Intervals as those of RealismScore, of a group's rates over all its
/// answers.
struct AlignmentScore {
  std::string group = {}, reader = {};
  bool is_synthetic = false;
  std::int64_t images = 0;  ///< with any answer
  std::int64_t quality_answers = 0, quality_sufficient = 0;
  std::int64_t class_answers = 0, class_correct = 0;
  std::int64_t confidence_answers = 0;
  double confidence_mean = 0, confidence_deviation = 0;  ///< n - 1 below
  Interval quality_interval = {}, class_interval = {};
  Interval confidence_interval = {};  ///< of the mean; of groups alone
};

struct ConfusionMatrix {
  std::string group = {};
  bool is_synthetic = false;
  std::vector<std::vector<std::int64_t>> counts = {};  ///< [true class][answered class]
};

struct ResponseTime {
  std::string group = {}, reader = {}, type = {};
  std::int64_t answers = 0;
  double quartile_1 = 0, median = 0, quartile_3 = 0;  ///< seconds, linear between values
};

struct Agreement {
  std::string group = {};
  std::string question = {};  ///< "synthetic", "class", "quality"
  std::int64_t readers = 0;   ///< with at least one answer to it
  std::int64_t items = 0;     ///< that all of these answered; the others are left out
  std::optional<double> kappa = {};
};

struct Completeness {
  std::string group = {}, reader = {};
  std::int64_t answered = 0, incomplete = 0, missing = 0;  ///< trials; incomplete: a question left open
};

struct StudyScore {
  std::vector<Completeness> completeness = {};
  std::vector<RealismScore> realism = {};
  std::vector<AlignmentScore> alignment = {};
  std::vector<ConfusionMatrix> confusion = {};
  std::vector<ResponseTime> times = {};
  std::vector<Agreement> agreement = {};
};

struct ScoreOptions {
  std::int64_t bootstrap_draws = 2000;
  std::uint64_t seed = 0;
};

/// Readers of the key who did not answer are counted in completeness and agree with nobody.
StudyScore score_study(const StudyKey& key, const std::vector<ReaderAnswer>& answers,
                       const ScoreOptions& options = {});

}  // namespace medisyn
