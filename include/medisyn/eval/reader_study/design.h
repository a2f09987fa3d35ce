// Which images a study shows, in which trials and in which order.
//
//   counts, classes  -> how many trials of each type and class     (as even as the counts allow)
//   real images      -> drawn, spread evenly over patients/videos  (spread_draw.h)
//   each of those    -> its nearest synthetic image of the class   (none twice, the closest pairs first)
//   both, shuffled   -> pairs and single images, their sides and their sequence, the same for every reader
//
// Paper, section 4.3.2. A design is a function of the counts, the candidates, their ranking and the seed: the
// order of the candidates does not count.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "medisyn/eval/reader_study/study.h"

namespace medisyn {

struct DesignCounts {
  std::int64_t real_real = 0, synthetic_synthetic = 0, mixed = 0;  ///< pairs
  std::int64_t real = 0, synthetic = 0;                            ///< single images
  std::int64_t training_pairs = 0, training_singles = 0;
  bool unique_groups = false;  ///< no patient or video twice
};

/// An image that may be shown.
struct StudyCandidate {
  std::size_t class_number = 0;
  std::string id = {};       ///< no two real ones, and no two synthetic ones, share it
  std::string group = {};    ///< of a real image: its patient or video
  std::string cluster = {};  ///< of near-duplicates; "": alone
};

struct StudyCandidates {
  std::vector<std::string> classes = {};
  std::vector<StudyCandidate> real = {};
  std::vector<StudyCandidate> synthetic = {};
};

enum class TrialType { kRealReal, kSyntheticSynthetic, kMixed, kReal, kSynthetic };
std::string_view name_of(TrialType type);  ///< "real-real", ..., "synthetic"

struct DesignImage {
  bool is_synthetic = false;
  std::size_t candidate = 0;  ///< among the real or the synthetic ones
  std::size_t anchor = 0;     ///< of a synthetic one: the real image whose neighbour it is
  double cosine = 0;          ///< to that
};

struct DesignTrial {
  PartKind part = PartKind::kPairs;
  bool is_training = false;
  TrialType type = TrialType::kMixed;
  std::size_t class_number = 0;
  std::vector<DesignImage> images = {};  ///< left and right, or one
};

struct Design {
  std::vector<DesignTrial> training = {};  ///< pairs, then single images
  std::vector<DesignTrial> pairs = {};     ///< in sequence
  std::vector<DesignTrial> singles = {};
};

struct RankedPartner {
  std::size_t anchor = 0;     ///< number among the anchors asked for
  std::size_t candidate = 0;  ///< number among the candidates asked for
  double cosine = 0;
};

/// The `k` nearest candidates of each anchor. Both are lists of numbers in StudyCandidates.
using RankPartners = std::function<std::vector<RankedPartner>(
    const std::vector<std::size_t>& anchors, const std::vector<std::size_t>& candidates, std::size_t k)>;

/// Of clusters of synthetic images one, drawn, may be shown, and none of a cluster with real images. A class
/// with more synthetic than real images to show gets real images that are only searched with. Error naming
/// the class, what it needs, what there is and what to change, when the candidates do not suffice.
Design make_design(const DesignCounts& counts, const StudyCandidates& candidates, const RankPartners& rank,
                   std::uint64_t seed);

/// Looks at a design afresh: counts of each type, classes as even as they can be, both images of a pair of
/// one class, no image and no cluster twice in all trials and the training, partners of the anchor's class,
/// groups once where that is asked for. "": all holds; else what does not.
std::string fault_of(const Design& design, const DesignCounts& counts, const StudyCandidates& candidates);

/// How the shown real images lie on patients or videos.
struct GroupSpread {
  std::int64_t images = 0, groups = 0;
  std::int64_t most = 0;  ///< images of one group
  std::string fullest = {};
};
GroupSpread group_spread(const Design& design, const StudyCandidates& candidates);

/// Training, pairs and single images, one after the other.
std::vector<const DesignTrial*> all_trials(const Design& design);

}  // namespace medisyn
