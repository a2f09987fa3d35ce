#include "medisyn/eval/reader_study/study.h"

#include <algorithm>
#include <initializer_list>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

constexpr const char* kSchema = "medisyn.reader_study/1";
constexpr std::size_t kMostItems = 10000;
constexpr std::size_t kMostTextBytes = 20000;
constexpr std::size_t kIdDigits = 16;
constexpr std::string_view kImageFolder = "images/";
constexpr std::string_view kImageEnding = ".png";

/// One JSON object whose keys are all known.
class Fields {
 public:
  Fields(const Json& json, std::string where, std::initializer_list<const char*> keys)
      : json_(json), where_(std::move(where)) {
    if (!json.is_object()) {
      fail("{}: expected an object, found {}", where_, json.type_name());
    }
    for (const auto& [key, value] : json.items()) {
      if (std::none_of(keys.begin(), keys.end(), [&](const char* known) { return key == known; })) {
        fail("{}: {:?} is no key of a reader study", where_, key);
      }
    }
  }

  std::string path(const std::string& key) const { return where_ + ": " + key; }

  bool has(const char* key) const { return json_.contains(key); }

  std::string text(const char* key) const { return text_of(at(key), path(key)); }

  std::vector<std::string> texts(const char* key) const {
    std::vector<std::string> texts;
    for (const Json& item : list(key)) {
      texts.push_back(text_of(item, path(key)));
    }
    return texts;
  }

  bool flag(const char* key) const {
    if (!at(key).is_boolean()) {
      fail("{}: expected true or false, found {}", path(key), at(key).dump());
    }
    return at(key).get<bool>();
  }

  const Json& list(const char* key) const {
    if (!at(key).is_array() || at(key).size() > kMostItems) {
      fail("{}: expected a list of at most {}, found {} with {}", path(key), kMostItems, at(key).type_name(),
           at(key).size());
    }
    return at(key);
  }

 private:
  const Json& at(const char* key) const {
    if (!json_.contains(key)) {
      fail("{}: the key is missing", path(key));
    }
    return json_.at(key);
  }

  static std::string text_of(const Json& json, const std::string& where) {
    if (!json.is_string()) {
      fail("{}: expected text, found {}", where, json.type_name());
    }
    const auto text = json.get<std::string>();
    const bool has_control = std::any_of(text.begin(), text.end(), [](unsigned char c) {
      return (c < ' ' && c != '\n' && c != '\t') || c == 0x7F;
    });
    if (text.size() > kMostTextBytes || has_control) {
      fail("{}: expected at most {} bytes without control characters, found {} bytes{}", where,
           kMostTextBytes, text.size(), has_control ? " with some" : "");
    }
    return text;
  }

  const Json& json_;
  std::string where_;
};

/// Ids and images that have been seen: none may come twice.
struct Seen {
  std::set<std::string> ids = {};
  std::set<std::string> images = {};
};

/// "p001": the letter of its kind, and at least three digits.
bool is_trial_id(std::string_view id, char letter) {
  constexpr std::size_t kLeast = 4, kMost = 8;
  return id.size() >= kLeast && id.size() <= kMost && id[0] == letter &&
         std::all_of(id.begin() + 1, id.end(), [](char c) { return c >= '0' && c <= '9'; });
}

Trial trial_from_json(const Json& json, const std::string& where, PartKind kind, bool is_training,
                      Seen& seen) {
  const bool is_pair = kind == PartKind::kPairs;
  const Fields fields = is_pair ? Fields(json, where, {"id", "left", "right", "feedback"})
                                : Fields(json, where, {"id", "image", "feedback"});
  Trial trial{.id = fields.text("id")};
  const char letter = is_training ? 't' : name_of(kind)[0];
  if (!is_trial_id(trial.id, letter) || !seen.ids.insert(trial.id).second) {
    fail("{}: expected an id of its own of the form {}001, found {:?}", fields.path("id"), letter, trial.id);
  }
  for (const char* key :
       is_pair ? std::vector<const char*>{"left", "right"} : std::vector<const char*>{"image"}) {
    trial.images.push_back(fields.text(key));
    if (!is_study_image(trial.images.back()) || !seen.images.insert(trial.images.back()).second) {
      fail("{}: expected an image of its own of the form images/<16 hex>.png, found {:?}", fields.path(key),
           trial.images.back());
    }
  }
  if (is_training) {
    trial.feedback = fields.text("feedback");
  } else if (fields.has("feedback")) {
    fail("{}: training alone has feedback", where);
  }
  return trial;
}

std::vector<Trial> trials_from_json(const Fields& part, PartKind kind, bool is_training, Seen& seen) {
  const char* key = is_training ? "training" : "trials";
  std::vector<Trial> trials;
  for (const Json& json : part.list(key)) {
    trials.push_back(
        trial_from_json(json, fmt::format("{}[{}]", part.path(key), trials.size()), kind, is_training, seen));
  }
  return trials;
}

Part part_from_json(const Json& json, const std::string& where, Seen& seen) {
  const Fields fields(json, where, {"id", "kind", "title", "instructions", "training", "trials"});
  Part part;
  const std::string kind = fields.text("kind");
  if (kind == name_of(PartKind::kSingles)) {
    part.kind = PartKind::kSingles;
  } else if (kind != name_of(PartKind::kPairs)) {
    fail("{}: expected pairs or singles, found {:?}", fields.path("kind"), kind);
  }
  if (fields.text("id") != kind || !seen.ids.insert(kind).second) {
    fail("{}: expected {}, and each once, found {:?}", fields.path("id"), kind, fields.text("id"));
  }
  part.title = fields.text("title");
  part.instructions = fields.texts("instructions");
  part.training = trials_from_json(fields, part.kind, true, seen);
  part.trials = trials_from_json(fields, part.kind, false, seen);
  if (part.trials.empty()) {
    fail("{}: expected at least one trial", fields.path("trials"));
  }
  return part;
}

Json to_json(const Trial& trial) {
  Json json = {{"id", trial.id}};
  if (trial.images.size() == 2) {
    json["left"] = trial.images[0];
    json["right"] = trial.images[1];
  } else {
    json["image"] = trial.images.at(0);
  }
  if (!trial.feedback.empty()) {
    json["feedback"] = trial.feedback;
  }
  return json;
}

Json to_json(const std::vector<Trial>& trials) {
  Json list = Json::array();
  for (const Trial& trial : trials) {
    list.push_back(to_json(trial));
  }
  return list;
}

Json to_json(const Part& part) {
  return {{"id", name_of(part.kind)},
          {"kind", name_of(part.kind)},
          {"title", part.title},
          {"instructions", part.instructions},
          {"training", to_json(part.training)},
          {"trials", to_json(part.trials)}};
}

}  // namespace

std::string_view name_of(PartKind kind) { return kind == PartKind::kPairs ? "pairs" : "singles"; }

bool is_hex(std::string_view text, std::size_t digits) {
  return text.size() == digits && std::all_of(text.begin(), text.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
         });
}

bool is_study_image(std::string_view name) {
  return name.size() == kImageFolder.size() + kIdDigits + kImageEnding.size() &&
         name.starts_with(kImageFolder) && name.ends_with(kImageEnding) &&
         is_hex(name.substr(kImageFolder.size(), kIdDigits), kIdDigits);
}

Json to_json(const Study& study) {
  Json parts = Json::array();
  for (const Part& part : study.parts) {
    parts.push_back(to_json(part));
  }
  return {{"schema", kSchema},        {"study_id", study.id},
          {"title", study.title},     {"instructions", study.instructions},
          {"consent", study.consent}, {"allow_back", study.allow_back},
          {"classes", study.classes}, {"parts", parts}};
}

Study study_from_json(const Json& json, const std::string& where) {
  const Fields fields(
      json, where,
      {"schema", "study_id", "title", "instructions", "consent", "allow_back", "classes", "parts"});
  if (fields.text("schema") != kSchema) {
    fail("{}: expected {}, found {:?}", fields.path("schema"), kSchema, fields.text("schema"));
  }
  Study study{.id = fields.text("study_id"),
              .title = fields.text("title"),
              .instructions = fields.texts("instructions"),
              .consent = fields.texts("consent"),
              .allow_back = fields.flag("allow_back"),
              .classes = fields.texts("classes")};
  if (!is_hex(study.id, kIdDigits)) {
    fail("{}: expected 16 lower-case hex digits, found {:?}", fields.path("study_id"), study.id);
  }
  const std::set<std::string> distinct(study.classes.begin(), study.classes.end());
  if (study.classes.empty() || distinct.size() != study.classes.size() || distinct.contains("")) {
    fail("{}: expected names of classes, each once", fields.path("classes"));
  }
  Seen seen;
  for (const Json& part : fields.list("parts")) {
    study.parts.push_back(
        part_from_json(part, fmt::format("{}[{}]", fields.path("parts"), study.parts.size()), seen));
  }
  if (study.parts.empty()) {
    fail("{}: expected at least one part", fields.path("parts"));
  }
  return study;
}

Study read_study(const fs::path& folder) {
  const fs::path file = folder / "study.json";
  require_file(file, "a reader study's study.json (medisyn eval reader-study export writes it)");
  return study_from_json(parse_json(read_file(file), file.string()), file.string());
}

}  // namespace medisyn
