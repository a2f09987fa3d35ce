#include "medisyn/eval/classify/leaks.h"

#include <set>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/data/filter.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

/// What must stand on one side: curate's split group, else the patient, the study or the video, else the
/// image.
std::string group_of(const Record& record) {
  for (const std::string* one :
       {&record.group_id, &record.patient_id, &record.study_id, &record.video_id, &record.sha256}) {
    if (!one->empty()) {
      return *one;
    }
  }
  return record.id;
}

std::set<std::string> groups_of(const Manifest& manifest) {
  std::set<std::string> groups;
  for (const Record& record : manifest.records) {
    groups.insert(group_of(record));
  }
  return groups;
}

/// The run of `train` that a model folder belongs to: itself, or that of a checkpoint.
fs::path run_of(const fs::path& model) {
  const fs::path folder = fs::absolute(model).lexically_normal();
  const fs::path named = folder.has_filename() ? folder : folder.parent_path();
  return named.parent_path().filename() == "checkpoints" ? named.parent_path().parent_path() : named;
}

std::string image_key(const Manifest& manifest, const Record& record) {
  return !record.sha256.empty() ? record.sha256
                                : fs::absolute(image_path(manifest, record)).lexically_normal().string();
}

}  // namespace

GeneratorData generator_data(const fs::path& path) {
  GeneratorData data{.name = path.string(), .training = std::nullopt};
  if (path.empty()) {
    data.why_unknown = "its run does not name its model";
    return data;
  }
  const fs::path file = run_of(path) / "result.json";
  if (!is_file(file)) {
    data.why_unknown = fmt::format("{} has no result.json of medisyn train", path.string());
    return data;
  }
  const Json result = parse_json(read_file(file), file.string());
  const Json config = result.value("config", Json::object());
  const auto command = result.value("command", std::string());
  if (command == "medisyn generate") {
    data = generator_data(config.value("model", std::string()));
    data.name = path.string();
    return data;
  }
  const Json trained_on = config.value("data", Json::object());
  const auto manifest = trained_on.value("manifest", std::string());
  if (command != "medisyn train" || manifest.empty() || !fs::exists(manifest)) {
    data.why_unknown =
        fmt::format("{}: {}", file.string(),
                    manifest.empty() ? "says nothing of training images"
                                     : fmt::format("its training images {} are not there", manifest));
    return data;
  }
  data.training = filtered(read_manifest(manifest), trained_on.value("where", std::string()));
  return data;
}

LeakCheck check_leak(const std::string& first_name, const Manifest& first, const std::string& second_name,
                     const Manifest& second) {
  const std::set<std::string> here = groups_of(first);
  std::set<std::string> shared;
  LeakCheck check{.first = first_name,
                  .second = second_name,
                  .first_groups = std::ssize(here),
                  .second_groups = std::ssize(groups_of(second))};
  for (const Record& record : second.records) {
    if (here.contains(group_of(record))) {
      shared.insert(group_of(record));
      ++check.shared_images;
    }
  }
  check.shared_groups = std::ssize(shared);
  return check;
}

std::string leak_line(const std::vector<LeakCheck>& checks) {
  std::string clean, faults;
  for (const LeakCheck& check : checks) {
    if (check.is_clean()) {
      clean += fmt::format("{}{} ({} groups) and {} ({})", clean.empty() ? "" : "; ", check.first,
                           check.first_groups, check.second, check.second_groups);
    } else if (!check.why_unknown.empty()) {
      faults += fmt::format("NOT CHECKED: {} and {}: {}. ", check.first, check.second, check.why_unknown);
    } else {
      faults += fmt::format("LEAK: {} and {} share {} patients or groups ({} images of {}). ", check.first,
                            check.second, check.shared_groups, check.shared_images, check.second);
    }
  }
  return "Leak check: " + faults + (clean.empty() ? "" : "no patient or group is shared by " + clean + ".");
}

void require_no_peek(const GeneratorData& generator, const Manifest& allowed, const std::string& what) {
  if (!generator.training) {
    fail("no_peek: {}: nothing says which images the generator was trained on: {}", generator.name,
         generator.why_unknown);
  }
  std::set<std::string> keys;
  for (const Record& record : allowed.records) {
    keys.insert(image_key(allowed, record));
  }
  std::int64_t others = 0;
  const Record* first = nullptr;
  for (const Record& record : generator.training->records) {
    if (!keys.contains(image_key(*generator.training, record))) {
      first = first == nullptr ? &record : first;
      ++others;
    }
  }
  if (first != nullptr) {
    fail(
        "no_peek: {}: the generator was trained on {} images, {} of them not in {}, the first {}: train it "
        "on "
        "what `medisyn eval classify --write-subsets` writes, or set no_peek: false",
        generator.name, generator.training->records.size(), others, what, first->file_name);
  }
}

}  // namespace medisyn
