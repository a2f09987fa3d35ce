// Divides the images of a study into training, validation and test.
//
//   patients, studies, videos, equal files, near-duplicates -> groups -> one side each
//
// A group's side is, in this order: the one that its repository's own rule gives, the one that it had in an
// earlier run, the one that lacks most in its strata.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/data/manifest.h"

namespace medisyn {

constexpr std::size_t kSides = 3;
inline constexpr std::array<const char*, kSides> kSideNames{"train", "validation", "test"};

/// What is to be done where the repositories' own rules put one group on two sides: near-duplicates between a
/// public data set's folders train and test, say.
enum class OnConflict {
  kError,
  /// The group goes to the side that is worst to leak into (test before validation before training), so that
  /// published test sets stay whole; its images that belong to another side are dropped, near-duplicates and
  /// the rest of their patients alike.
  kDrop,
};

struct SplitOptions {
  std::vector<double> ratio = {80, 10, 10};  ///< train, validation, test
  std::uint64_t seed = 0;
  OnConflict on_conflict = OnConflict::kError;
};

/// What ties an image to others beside the ids of its record.
struct SplitLink {
  std::int64_t cluster = -1;  ///< of near-duplicates, any number; -1: none
  /// One subject on both sides on purpose (rules frames and region): this is a part of it, whose side the
  /// rule gives. A patient, study, video or cluster of which all images are such parts of one subject ties
  /// the parts of each side together and not the two sides. As soon as another image shares it, it ties them
  /// all.
  bool is_part = false;
  /// A copy that is no image of the data set: it ties its patient to the cluster's others, but is counted
  /// nowhere, and the side that its repository gives it binds nobody.
  bool is_left_out = false;
};

/// Images of a group that stood on another side in the earlier run.
struct GroupMove {
  std::string group_id, from, to;
  std::int64_t images = 0;
  std::string first;  ///< the id of one of them
};

struct DroppedImage {
  std::size_t index = 0;  ///< of the record
  std::string side;       ///< that its repository's rule gives
  std::string group_id;
};

struct LargestGroup {
  std::string group_id, side;
  std::int64_t images = 0;
  std::int64_t patients = 0;
  std::int64_t without_near_duplicates = 0;  ///< groups that near-duplicates and equal files join to this one
  std::string cause;                         ///< in words
};

/// The images of one class of a repository.
struct Stratum {
  std::string repository, label;              ///< the image type of images without labels
  std::array<std::int64_t, kSides> images{};  ///< train, validation, test
  std::int64_t groups = 0;
};

struct SplitReport {
  std::array<std::int64_t, kSides> images{};
  std::int64_t groups = 0;            ///< with an image of the data set
  std::vector<GroupMove> moves;       ///< by group_id
  std::vector<DroppedImage> dropped;  ///< by index
  LargestGroup largest;
  std::vector<Stratum> strata;  ///< by repository and label
};

/// Fills group_id and split of every record; of a dropped one, split is "". A record's split says on entry
/// what its repository's own rule gives: "train", "validation", "test", or "" where the groups decide.
///
/// `links`: one a record, or none at all. `earlier`: the records of an earlier run (id, patient_id, study_id,
/// video_id, sha256, group_id and split are looked at); one whose image is gone still ties its patient to a
/// side. A group whose images stood on different sides goes to the one worst to leak into; that is a move.
///
/// group_id is the smallest patient_id of the group ("image:" and the smallest id where there is no patient),
/// with "/train" or so behind it where it holds a part of a subject. The outcome does not hang on the order
/// of the records, as long as their ids differ.
///
/// Error: sides that contradict within a group, with two images and how they are tied; a ratio that is not
/// three numbers of at least 0 with a sum above 0; a side of another name.
SplitReport assign_split(std::vector<Record>& records, const std::vector<SplitLink>& links,
                         const std::vector<Record>& earlier, const SplitOptions& options);

/// The distance of a stratum's shares from the ratio.
struct StratumDeviation {
  const Stratum* stratum = nullptr;  ///< in the report
  double share = 0;  ///< |share on a side - share by the ratio|, the largest of the three, 0..1
};

/// The worst of the strata with at least so many groups (one group stands on one side, however it is put);
/// nothing when no stratum has.
std::optional<StratumDeviation> worst_deviation(const SplitReport& report, const std::vector<double>& ratio,
                                                std::int64_t min_groups);

}  // namespace medisyn
