// The design's constraints, stated apart from how it is made.
#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "medisyn/eval/reader_study/design.h"

namespace medisyn {
namespace {

class DesignCheck {
 public:
  DesignCheck(const DesignCounts& counts, const StudyCandidates& candidates)
      : counts_(counts), candidates_(candidates) {}

  std::string fault(const Design& design) {
    for (const DesignTrial& trial : design.pairs) {
      expect(trial.part == PartKind::kPairs && !trial.is_training, "a trial in the wrong list");
    }
    for (const DesignTrial& trial : design.singles) {
      expect(trial.part == PartKind::kSingles && !trial.is_training, "a trial in the wrong list");
    }
    for (const DesignTrial* trial : all_trials(design)) {
      take(*trial);
    }
    check_counts();
    return fault_;
  }

 private:
  void expect(bool holds, const std::string& fault) {
    if (!holds && fault_.empty()) {
      fault_ = fault;
    }
  }

  void take(const DesignTrial& trial) {
    const std::string type(name_of(trial.type));
    expect(trial.images.size() == (trial.part == PartKind::kPairs ? 2U : 1U),
           type + ": a trial of another number of images");
    const auto synthetic = std::count_if(trial.images.begin(), trial.images.end(),
                                         [](const DesignImage& image) { return image.is_synthetic; });
    const bool fits = trial.part == PartKind::kPairs ? type == (synthetic == 0   ? "real-real"
                                                                : synthetic == 1 ? "mixed"
                                                                                 : "synthetic-synthetic")
                                                     : type == (synthetic == 0 ? "real" : "synthetic");
    expect(fits, type + ": a trial of other images");
    for (const DesignImage& image : trial.images) {
      take(image, trial.class_number);
    }
    if (trial.is_training) {
      ++training_[trial.part == PartKind::kPairs ? 0 : 1];
    } else {
      ++trials_[trial.type][trial.class_number];
    }
  }

  void take(const DesignImage& image, std::size_t class_number) {
    const auto& list = image.is_synthetic ? candidates_.synthetic : candidates_.real;
    const StudyCandidate& candidate = list.at(image.candidate);
    expect(candidate.class_number == class_number, candidate.id + ": is of another class than its trial");
    expect(images_.insert({image.is_synthetic, image.candidate}).second, candidate.id + ": is shown twice");
    expect(candidate.cluster.empty() || clusters_.insert(candidate.cluster).second,
           candidate.id + ": a near-duplicate of it is shown, too");
    if (image.is_synthetic) {
      expect(candidates_.real.at(image.anchor).class_number == class_number,
             candidate.id + ": is the neighbour of another class");
      expect(anchors_.insert(image.anchor).second, candidate.id + ": a second neighbour of one real image");
    } else {
      expect(groups_.insert(candidate.group).second || !counts_.unique_groups,
             candidate.id + ": a second image of " + candidate.group);
    }
  }

  void check_counts() {
    for (const auto& [type, wanted] : {std::pair{TrialType::kRealReal, counts_.real_real},
                                       {TrialType::kSyntheticSynthetic, counts_.synthetic_synthetic},
                                       {TrialType::kMixed, counts_.mixed},
                                       {TrialType::kReal, counts_.real},
                                       {TrialType::kSynthetic, counts_.synthetic}}) {
      std::int64_t total = 0, least = INT64_MAX, most = 0;
      for (std::size_t c = 0; c < candidates_.classes.size(); ++c) {
        const std::int64_t count = trials_[type][c];
        total += count;
        least = std::min(least, count);
        most = std::max(most, count);
      }
      expect(total == wanted, std::string(name_of(type)) + ": another number of trials");
      expect(most - least <= 1, std::string(name_of(type)) + ": classes are not even");
    }
    expect(training_[0] == counts_.training_pairs && training_[1] == counts_.training_singles,
           "another number of training trials");
  }

  const DesignCounts& counts_;
  const StudyCandidates& candidates_;
  std::string fault_;
  std::map<TrialType, std::map<std::size_t, std::int64_t>> trials_;
  std::array<std::int64_t, 2> training_{};
  std::set<std::pair<bool, std::size_t>> images_;
  std::set<std::string> clusters_, groups_;
  std::set<std::size_t> anchors_;
};

}  // namespace

std::string fault_of(const Design& design, const DesignCounts& counts, const StudyCandidates& candidates) {
  return DesignCheck(counts, candidates).fault(design);
}

}  // namespace medisyn
