#include "medisyn/eval/reader_study/key.h"

#include <algorithm>
#include <array>
#include <optional>

#include "medisyn/core/error.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

constexpr const char* kSchema = "medisyn.reader_key/1";
constexpr std::array kTypes{TrialType::kRealReal, TrialType::kSyntheticSynthetic, TrialType::kMixed,
                            TrialType::kReal, TrialType::kSynthetic};

/// The value of a key, of type T.
template <class T>
T get(const Json& json, const char* key, const std::string& where) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (found == json.end()) {
    fail("{}: {}: the key is missing", where, key);
  }
  constexpr bool kIsFlag = std::is_same_v<T, bool>, kIsText = std::is_same_v<T, std::string>;
  const bool fits = kIsFlag   ? found->is_boolean()
                    : kIsText ? found->is_string()
                              : found->is_number_unsigned();
  if (!fits) {
    fail("{}: {}: expected {}, found {}", where, key,
         kIsFlag   ? "true or false"
         : kIsText ? "text"
                   : "a whole number",
         found->type_name());
  }
  return found->get<T>();
}

const Json& object(const Json& json, const char* key, const std::string& where) {
  if (!json.contains(key) || !json.at(key).is_object()) {
    fail("{}: {}: expected an object", where, key);
  }
  return json.at(key);
}

std::vector<std::string> read_classes(const Json& json, const std::string& where) {
  std::vector<std::string> classes;
  const auto found = json.find("classes");
  if (found != json.end() && found->is_array()) {
    for (const Json& item : *found) {
      classes.push_back(item.is_string() ? item.get<std::string>() : "");
    }
  }
  if (classes.empty() || std::count(classes.begin(), classes.end(), "") > 0) {
    fail("{}: classes: expected a list of names", where);
  }
  return classes;
}

void require_class(const StudyKey& key, const std::string& name, const std::string& where) {
  if (std::find(key.classes.begin(), key.classes.end(), name) == key.classes.end()) {
    fail("{}: class: {:?} is none of the study's", where, name);
  }
}

KeyImage read_image_of(const Json& json, const StudyKey& key, const std::string& where) {
  KeyImage image{.is_synthetic = get<bool>(json, "synthetic", where),
                 .class_name = get<std::string>(json, "class", where),
                 .source = get<std::string>(json, "source", where),
                 .patient = get<std::string>(json, "patient", where),
                 .cluster = get<std::string>(json, "cluster", where)};
  require_class(key, image.class_name, where);
  return image;
}

TrialType type_of(const std::string& name, const std::string& where) {
  const auto* found =
      std::find_if(kTypes.begin(), kTypes.end(), [&](TrialType type) { return name_of(type) == name; });
  if (found == kTypes.end()) {
    fail("{}: type: {:?} is no type of trial", where, name);
  }
  return *found;
}

/// The type that a trial with these images is of.
TrialType type_with(bool is_pair, std::int64_t synthetic) {
  if (!is_pair) {
    return synthetic == 0 ? TrialType::kReal : TrialType::kSynthetic;
  }
  return synthetic == 0   ? TrialType::kRealReal
         : synthetic == 1 ? TrialType::kMixed
                          : TrialType::kSyntheticSynthetic;
}

KeyTrial read_trial(const Json& json, const StudyKey& key, const std::string& where) {
  const auto part = get<std::string>(json, "part", where);
  const bool is_pair = part == name_of(PartKind::kPairs);
  if (!is_pair && part != name_of(PartKind::kSingles)) {
    fail("{}: part: expected pairs or singles, found {:?}", where, part);
  }
  KeyTrial trial{.part = is_pair ? PartKind::kPairs : PartKind::kSingles,
                 .type = type_of(get<std::string>(json, "type", where), where),
                 .class_name = get<std::string>(json, "class", where)};
  require_class(key, trial.class_name, where);
  std::int64_t synthetic = 0;
  for (const char* side :
       is_pair ? std::vector<const char*>{"left", "right"} : std::vector<const char*>{"image"}) {
    trial.images.push_back(get<std::string>(json, side, where));
    const auto image = key.images.find(trial.images.back());
    if (image == key.images.end() || image->second.class_name != trial.class_name) {
      fail("{}: {}: expected an image of the key and of the trial's class, found {:?}", where, side,
           trial.images.back());
    }
    synthetic += image->second.is_synthetic ? 1 : 0;
  }
  if (trial.type != type_with(is_pair, synthetic)) {
    fail("{}: type: {} does not fit its images", where, name_of(trial.type));
  }
  return trial;
}

Json to_json(const KeyTrial& trial) {
  Json json = {{"part", name_of(trial.part)}, {"type", name_of(trial.type)}, {"class", trial.class_name}};
  if (trial.part == PartKind::kPairs) {
    json["left"] = trial.images.at(0);
    json["right"] = trial.images.at(1);
  } else {
    json["image"] = trial.images.at(0);
  }
  return json;
}

}  // namespace

Json to_json(const StudyKey& key) {
  Json images = Json::object(), trials = Json::object(), readers = Json::object();
  for (const auto& [name, image] : key.images) {
    images[name] = {{"synthetic", image.is_synthetic},
                    {"class", image.class_name},
                    {"source", image.source},
                    {"patient", image.patient},
                    {"cluster", image.cluster}};
  }
  for (const auto& [id, trial] : key.trials) {
    trials[id] = to_json(trial);
  }
  for (const auto& [reader, group] : key.readers) {
    readers[reader] = {{"group", group}};
  }
  return {{"schema", kSchema}, {"study_id", key.study_id}, {"seed", key.seed},  {"classes", key.classes},
          {"images", images},  {"trials", trials},         {"readers", readers}};
}

StudyKey key_from_json(const Json& json, const std::string& where) {
  if (const auto schema = get<std::string>(json, "schema", where); schema != kSchema) {
    fail("{}: schema: expected {}, found {:?}", where, kSchema, schema);
  }
  StudyKey key{.study_id = get<std::string>(json, "study_id", where),
               .seed = get<std::uint64_t>(json, "seed", where),
               .classes = read_classes(json, where)};
  for (const auto& [name, value] : object(json, "images", where).items()) {
    key.images[name] = read_image_of(value, key, where + ": " + name);
  }
  for (const auto& [id, value] : object(json, "trials", where).items()) {
    key.trials[id] = read_trial(value, key, where + ": " + id);
  }
  for (const auto& [reader, value] : object(json, "readers", where).items()) {
    key.readers[reader] = get<std::string>(value, "group", where + ": " + reader);
  }
  return key;
}

StudyKey read_key(const fs::path& file) {
  require_file(file, "a reader study's key.json (medisyn eval reader-study export writes it)");
  return key_from_json(parse_json(read_file(file), file.string()), file.string());
}

}  // namespace medisyn
