// What a reader sees of a study, and no more: study.json, which the page holds and the server serves.
//
//   {"schema": "medisyn.reader_study/1", "study_id": "<16 hex>", "title", "instructions": [paragraph],
//    "consent": [paragraph], "allow_back": false, "classes": [name],
//    "parts": [{"id": "pairs", "kind": "pairs", "title", "instructions": [paragraph],
//               "training": [{"id": "t001", "left", "right", "feedback"}],
//               "trials": [{"id": "p001", "left": "images/<16 hex>.png", "right": ...}]},
//              {"id": "singles", "kind": "singles", "title", "instructions",
//               "training": [{"id": "t003", "image", "feedback"}], "trials": [{"id": "s001", "image"}]}]}
//
// Which image is synthetic, and of what class, stands in key.json alone (key.h).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"

namespace medisyn {

enum class PartKind {
  kPairs,   ///< two images beside each other: which are synthetic?
  kSingles  ///< one image: is its quality sufficient, which class, how sure?
};

std::string_view name_of(PartKind kind);  ///< "pairs", "singles"

struct Trial {
  std::string id = {};                   ///< "p001", "s001"; of training "t001"
  std::vector<std::string> images = {};  ///< of a pair left and right, of a single one: "images/<16 hex>.png"
  std::string feedback = {};             ///< of training alone: what is shown after the answer

  bool operator==(const Trial&) const = default;
};

struct Part {
  PartKind kind = PartKind::kPairs;  ///< its name is the part's id: no two parts of a kind
  std::string title = {};
  std::vector<std::string> instructions = {};
  std::vector<Trial> training = {};  ///< their answers count for nothing
  std::vector<Trial> trials = {};    ///< in the order in which every reader sees them

  bool operator==(const Part&) const = default;
};

struct Study {
  std::string id = {};  ///< 16 hex
  std::string title = {};
  std::vector<std::string> instructions = {};
  std::vector<std::string> consent = {};
  bool allow_back = false;  ///< may a reader change an answer given before?
  std::vector<std::string> classes = {};
  std::vector<Part> parts = {};

  bool operator==(const Study&) const = default;
};

Json to_json(const Study& study);

/// Takes nothing on trust. Error WHERE: KEY for another schema, a key that is not in the format, a wrong
/// type, an id or an image's name of another form, one that stands twice, a trial whose images do not fit its
/// kind, a trial with feedback, no part or trial, more than 10,000 of either, text with control characters or
/// of more than 20,000 bytes.
Study study_from_json(const Json& json, const std::string& where);

/// FOLDER/study.json.
Study read_study(const fs::path& folder);

/// True for lower-case hex digits, `digits` of them.
bool is_hex(std::string_view text, std::size_t digits);

/// True for "images/<16 hex>.png".
bool is_study_image(std::string_view name);

}  // namespace medisyn
