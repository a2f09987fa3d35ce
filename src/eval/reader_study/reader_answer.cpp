#include "medisyn/eval/reader_study/reader_answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <ctime>

#include "medisyn/eval/reader_study/refusal.h"

namespace medisyn {
namespace {

constexpr std::int64_t kLongestResponse = 7LL * 24 * 3600 * 1000;  // milliseconds

template <class T>
std::string field(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : "";
}

template <class T>
Json json_or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

/// The body, whose keys are all columns.
class Body {
 public:
  explicit Body(const std::string& text) : json_(Json::parse(text, nullptr, /*allow_exceptions=*/false)) {
    if (!json_.is_object()) {
      throw Refusal(400, "expected one answer as a JSON object");
    }
    const std::vector<std::string> known = answer_columns();
    for (const auto& [key, value] : json_.items()) {
      if (std::find(known.begin(), known.end(), key) == known.end()) {
        throw Refusal(400, "a key of the answer is not known");
      }
    }
  }

  std::optional<std::string> text(const char* key) const {
    const Json* value = find(key);
    if (value != nullptr && !value->is_string()) {
      throw Refusal(400, fmt::format("{}: expected text", key));
    }
    return value == nullptr ? std::nullopt : std::optional(value->get<std::string>());
  }

  /// Refusal 422 outside of [least, most].
  std::optional<std::int64_t> number(const char* key, std::int64_t least, std::int64_t most) const {
    const Json* value = find(key);
    if (value == nullptr) {
      return std::nullopt;
    }
    if (!value->is_number_integer()) {
      throw Refusal(400, fmt::format("{}: expected a whole number", key));
    }
    const bool is_huge = value->is_number_unsigned() && value->get<std::uint64_t>() > INT64_MAX;
    if (is_huge || value->get<std::int64_t>() < least || value->get<std::int64_t>() > most) {
      throw Refusal(422, fmt::format("{}: expected {} to {}", key, least, most));
    }
    return value->get<std::int64_t>();
  }

  bool has(const char* key) const { return find(key) != nullptr; }

 private:
  const Json* find(const char* key) const {
    const auto found = json_.find(key);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }

  Json json_;
};

template <class T>
T needed(const std::optional<T>& value, const char* key) {
  if (!value) {
    throw Refusal(422, fmt::format("{}: expected a value", key));
  }
  return *value;
}

const Part& find_part(const Study& study, const std::string& id) {
  const auto found = std::find_if(study.parts.begin(), study.parts.end(),
                                  [&](const Part& part) { return name_of(part.kind) == id; });
  if (found == study.parts.end()) {
    throw Refusal(404, "part: the study has no such part");
  }
  return *found;
}

std::int64_t find_position(const Part& part, const std::string& id) {
  const auto found = std::find_if(part.trials.begin(), part.trials.end(),
                                  [&](const Trial& trial) { return trial.id == id; });
  if (found == part.trials.end()) {
    throw Refusal(404, "trial: the part has no such trial");
  }
  return found - part.trials.begin() + 1;
}

void check_whose(const Body& body, const Study& study, const std::string& reader) {
  if (body.text("study_id").value_or(study.id) != study.id) {
    throw Refusal(409, "study_id: this is another study");
  }
  if (body.text("reader").value_or(reader) != reader) {
    throw Refusal(403, "reader: this link belongs to another reader");
  }
}

void forbid(const Body& body, std::initializer_list<const char*> keys) {
  for (const char* key : keys) {
    if (body.has(key)) {
      throw Refusal(422, fmt::format("{}: the question of this part does not ask for it", key));
    }
  }
}

void read_choice(const Body& body, const Study& study, PartKind kind, ReaderAnswer& answer) {
  if (kind == PartKind::kPairs) {
    forbid(body, {"quality_sufficient", "class", "confidence"});
    answer.left_synthetic = needed(body.number("left_synthetic", 0, 1), "left_synthetic");
    answer.right_synthetic = needed(body.number("right_synthetic", 0, 1), "right_synthetic");
    return;
  }
  forbid(body, {"left_synthetic", "right_synthetic"});
  answer.quality_sufficient = needed(body.number("quality_sufficient", 0, 1), "quality_sufficient");
  answer.class_name = needed(body.text("class"), "class");
  if (std::find(study.classes.begin(), study.classes.end(), *answer.class_name) == study.classes.end()) {
    throw Refusal(422, "class: the study has no such class");
  }
  answer.confidence = needed(body.number("confidence", 1, 5), "confidence");
}

}  // namespace

bool ReaderAnswer::says_the_same_as(const ReaderAnswer& other) const {
  const auto choice = [](const ReaderAnswer& a) {
    return std::tie(a.reader, a.part, a.trial, a.position, a.left_synthetic, a.right_synthetic,
                    a.quality_sufficient, a.class_name, a.confidence);
  };
  return choice(*this) == choice(other);
}

std::vector<std::string> answer_columns() {
  return {"study_id",
          "reader",
          "part",
          "trial",
          "position",
          "left_synthetic",
          "right_synthetic",
          "quality_sufficient",
          "class",
          "confidence",
          "response_ms",
          "answered_at"};
}

std::vector<std::string> answer_row(const std::string& study_id, const ReaderAnswer& answer) {
  return {study_id,
          answer.reader,
          answer.part,
          answer.trial,
          fmt::format("{}", answer.position),
          field(answer.left_synthetic),
          field(answer.right_synthetic),
          field(answer.quality_sufficient),
          answer.class_name.value_or(""),
          field(answer.confidence),
          fmt::format("{}", answer.response_ms),
          answer.answered_at};
}

Json to_json(const std::string& study_id, const ReaderAnswer& answer) {
  return {{"study_id", study_id},
          {"reader", answer.reader},
          {"part", answer.part},
          {"trial", answer.trial},
          {"position", answer.position},
          {"left_synthetic", json_or_null(answer.left_synthetic)},
          {"right_synthetic", json_or_null(answer.right_synthetic)},
          {"quality_sufficient", json_or_null(answer.quality_sufficient)},
          {"class", json_or_null(answer.class_name)},
          {"confidence", json_or_null(answer.confidence)},
          {"response_ms", answer.response_ms},
          {"answered_at", answer.answered_at}};
}

ReaderAnswer parse_answer(const std::string& text, const Study& study, const std::string& reader) {
  const Body body(text);
  check_whose(body, study, reader);
  ReaderAnswer answer{.reader = reader,
                      .part = needed(body.text("part"), "part"),
                      .trial = needed(body.text("trial"), "trial")};
  const Part& part = find_part(study, answer.part);
  answer.position = find_position(part, answer.trial);
  if (body.number("position", 1, static_cast<std::int64_t>(part.trials.size())).value_or(answer.position) !=
      answer.position) {
    throw Refusal(422, "position: the trial stands elsewhere");
  }
  read_choice(body, study, part.kind, answer);
  answer.response_ms = needed(body.number("response_ms", 0, kLongestResponse), "response_ms");
  answer.answered_at = utc_now();
  return answer;
}

std::string utc_now() {
  const std::time_t now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  gmtime_r(&now, &parts);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", parts.tm_year + 1900, parts.tm_mon + 1,
                     parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
}

}  // namespace medisyn
