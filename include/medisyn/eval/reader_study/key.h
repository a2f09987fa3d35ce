// key.json: what a study hides from its readers. Kept apart from the study's folder, needed for the scores.
//
//   {"schema": "medisyn.reader_key/1", "study_id", "seed", "classes": [name],
//    "images": {"images/<16 hex>.png": {"synthetic", "class", "source", "patient", "cluster"}},
//    "trials": {"p001": {"part": "pairs", "type": "mixed", "class", "left", "right"},
//               "s001": {"part": "singles", "type": "real", "class", "image"}},
//    "readers": {"R01": {"group": "surgeons"}}}
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "medisyn/eval/reader_study/design.h"

namespace medisyn {

struct KeyImage {
  bool is_synthetic = false;
  std::string class_name = {};
  std::string source = {};   ///< path in its manifest
  std::string patient = {};  ///< or video; "" of a synthetic image
  std::string cluster = {};  ///< of near-duplicates; "": alone

  bool operator==(const KeyImage&) const = default;
};

struct KeyTrial {
  PartKind part = PartKind::kPairs;
  TrialType type = TrialType::kMixed;
  std::string class_name = {};
  std::vector<std::string> images = {};  ///< left and right, or one

  bool operator==(const KeyTrial&) const = default;
};

struct StudyKey {
  std::string study_id = {};
  std::uint64_t seed = 0;
  std::vector<std::string> classes = {};
  std::map<std::string, KeyImage> images = {};  ///< those of the training, too
  std::map<std::string, KeyTrial> trials = {};
  std::map<std::string, std::string> readers = {};  ///< reader -> group; empty: whoever answers, in one group

  bool operator==(const StudyKey&) const = default;
};

Json to_json(const StudyKey& key);

/// Error WHERE: KEY for another schema, a missing key, a wrong type, a trial whose images are not in the key
/// or do not fit its type, a class that is none of the study's.
StudyKey key_from_json(const Json& json, const std::string& where);

StudyKey read_key(const fs::path& file);

}  // namespace medisyn
