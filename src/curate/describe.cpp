#include "medisyn/curate/describe.h"

#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/numbers.h"
#include "medisyn/core/random_key.h"

namespace medisyn {
namespace {

constexpr std::size_t kHashDigits = 16;

std::string hashed(const std::string& text) { return sha256_hex(text).substr(0, kHashDigits); }

std::string renamed(const std::map<std::string, std::string>& names, const std::string& text) {
  const auto found = names.find(text);
  return found == names.end() ? text : found->second;
}

std::vector<std::string> cut(const std::string& text, const std::string& separator) {
  if (separator.empty()) {
    return text.empty() ? std::vector<std::string>() : std::vector{text};
  }
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    if (end > begin) {
      parts.push_back(text.substr(begin, end - begin));
    }
    begin = end + separator.size();
  }
  return parts;
}

/// The annotation's column, or else the item's; "" where neither has it.
std::string column_of(const Facts& facts, const std::string& column) {
  const std::string* found = facts.annotation == nullptr ? nullptr : facts.annotation->find(column);
  found = found == nullptr ? facts.item->fields.find(column) : found;
  return found == nullptr ? "" : *found;
}

/// Numbers that a fixed number of files share.
std::string divided(const std::string& text, std::int64_t by, const std::string& where) {
  const auto number = parse_number<std::int64_t>(text);
  if (!number) {
    fail("{}: divide_by: expected a number, found {:?}", where, text);
  }
  return fmt::format("{}", *number / by);
}

}  // namespace

Describer::Describer(const RepositoryConfig& repository) : repository_(repository) {
  for_each_text(repository, [&](const auto& text) {
    if (!text.regex.empty()) {
      expressions_.emplace(text.regex, std::regex(text.regex));
    }
  });
}

template <class Pick>
std::string Describer::text_at(const Facts& facts, const Pick& pick) const {
  if (!pick.column.empty()) {
    return column_of(facts, pick.column);
  }
  if (!pick.tag.empty() && facts.dicom != nullptr) {
    const auto word = facts.dicom->words.find(pick.tag);
    return word == facts.dicom->words.end() ? "" : word->second;
  }
  std::smatch match;
  const bool is_found =
      !pick.regex.empty() && std::regex_search(facts.item->below, match, expressions_.at(pick.regex));
  return is_found && match.size() > 1 ? match[1].str() : "";
}

std::string Describer::id_of(const Facts& facts, const IdConfig& config, const char* what) const {
  const std::string where = fmt::format("repository {}: {}: {}", repository_.name, facts.item->below, what);
  std::string id = config.fixed;
  if (!config.tag.empty()) {
    const auto& hashes = facts.dicom->hashes;
    const auto found = hashes.find(config.tag);
    id = found == hashes.end() ? "" : found->second;
  } else if (id.empty()) {
    id = text_at(facts, config);
  }
  if (id.empty()) {
    if (!config.regex.empty()) {
      fail("{}: found nothing by regex {:?}", where, config.regex);
    }
    return "";
  }
  if (config.divide_by != 1) {
    id = divided(id, config.divide_by, where);
  }
  if (config.hash) {
    id = hashed(id);
  }
  return config.shared ? id : repository_.name + "-" + id;
}

std::string Describer::patient_of(const Facts& facts) const {
  const IdConfig& config = repository_.patient;
  const bool is_named =
      !config.fixed.empty() || !config.column.empty() || !config.regex.empty() || !config.tag.empty();
  std::string patient = is_named ? id_of(facts, config, "patient") : "";
  if (!is_named && facts.dicom != nullptr && !facts.dicom->patient_hash.empty()) {
    // A DICOM patient is the same one in every repository, so no name stands in front.
    patient = "patient-" + facts.dicom->patient_hash;
  }
  return patient.empty() ? repository_.name + "-" + facts.item->stem : patient;
}

std::optional<std::vector<std::string>> Describer::labels_of(const Facts& facts) const {
  const LabelsConfig& config = repository_.labels;
  std::vector<std::string> labels = config.fixed;
  for (const std::string& text : cut(text_at(facts, config), config.separator)) {
    const auto named = config.names.find(text);
    if (named == config.names.end() && config.only_named) {
      return std::nullopt;
    }
    const std::string& label = named == config.names.end() ? text : named->second.front();
    if (!label.empty()) {
      labels.push_back(label);
    }
  }
  for (const auto& [column, label] : config.columns) {
    const std::string value = column_of(facts, column);
    if (std::find(config.positive.begin(), config.positive.end(), value) != config.positive.end()) {
      labels.push_back(label);
    }
  }
  return labels;
}

/// "cardiomegaly and edema", each by one of its names.
std::string Describer::caption_of(const std::vector<std::string>& labels, const std::string& id) const {
  if (labels.empty()) {
    return repository_.labels.none;
  }
  std::vector<std::string> words;
  for (const std::string& label : labels) {
    words.push_back(label);
    for (const auto& [text, names] : repository_.labels.names) {
      if (names.front() == label && names.size() > 1) {
        words.back() = names[random_key({hash_text(id), hash_text(label)}) % names.size()];
        break;
      }
    }
  }
  return join_words(words);
}

std::optional<Record> Describer::describe(const Facts& facts, const CaptionWords& given,
                                          const std::vector<std::string>& structures,
                                          const std::string& id) const {
  auto labels = labels_of(facts);
  if (!labels) {
    return std::nullopt;
  }
  CaptionWords words = placeholders(repository_);
  for (const auto& [name, word] : given) {
    words[name] = word;
  }
  for (const auto& [name, pick] : repository_.words) {
    const std::string text = text_at(facts, pick);
    words[name] = renamed(pick.names, text.empty() ? pick.fixed : text);
  }
  words["labels"] = caption_of(*labels, id);
  Record record;
  record.text = fill_caption(repository_.caption, words);
  record.id = id;
  record.patient_id = patient_of(facts);
  record.study_id = repository_.study ? id_of(facts, *repository_.study, "study") : "";
  record.video_id = repository_.video ? id_of(facts, *repository_.video, "video") : "";
  record.specialty = repository_.specialty;
  record.image_type = repository_.image_type;
  record.labels = std::move(*labels);
  record.labels.insert(record.labels.end(), structures.begin(), structures.end());
  record.repository = repository_.name;
  record.source = repository_.source;
  record.licence = repository_.licence;
  return record;
}

bool Describer::stays(const DicomInfo& dicom) const {
  return std::all_of(repository_.where.begin(), repository_.where.end(), [&](const auto& condition) {
    const auto& [tag, values] = condition;
    const auto found = dicom.words.find(tag);
    return !is_dicom_word(tag) || (found != dicom.words.end() &&
                                   std::find(values.begin(), values.end(), found->second) != values.end());
  });
}

std::string Describer::official_side(const Facts& facts) const {
  if (!repository_.split.official || repository_.split.rule != "official") {
    return "";
  }
  const PickConfig& pick = *repository_.split.official;
  const std::string side = renamed(pick.names, text_at(facts, pick));
  if (side != "train" && side != "validation" && side != "test") {
    fail(
        "repository {}: {}: split.official: expected train, validation or test (or names that say which), "
        "found {:?}",
        repository_.name, facts.item->below, side);
  }
  return side;
}

CaptionWords Describer::placeholders(const RepositoryConfig& repository) {
  CaptionWords words{{"specialty", repository.specialty},
                     {"image_type", repository.image_type},
                     {"labels", ""},
                     {"folder", ""}};
  const bool is_volume = !repository.slices.empty();
  for (const char* name : is_volume ? std::vector{"plane", "window", "position", "structures"}
                                    : std::vector{"tile", "row", "column"}) {
    words[name];
  }
  for (const auto& [name, pick] : repository.words) {
    words[name];
  }
  return words;
}

}  // namespace medisyn
