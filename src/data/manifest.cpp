#include "medisyn/data/manifest.h"

#include <algorithm>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

/// The text fields of a record by their key, in the order they are written.
template <class R, class Visit>
void visit_texts(R& record, Visit visit) {
  visit("file_name", record.file_name);
  visit("text", record.text);
  visit("id", record.id);
  visit("patient_id", record.patient_id);
  visit("study_id", record.study_id);
  visit("video_id", record.video_id);
  visit("group_id", record.group_id);
  visit("specialty", record.specialty);
  visit("image_type", record.image_type);
  visit("repository", record.repository);
  visit("source", record.source);
  visit("licence", record.licence);
  visit("transform", record.transform);
  visit("sha256", record.sha256);
  visit("split", record.split);
}

[[noreturn]] void refuse(const std::string& where, const char* key, const char* expected, const Json& found) {
  fail("{}: {}: expected {}, found {}", where, key, expected,
       found.dump(-1, ' ', false, Json::error_handler_t::replace).substr(0, 80));
}

std::vector<std::string> read_labels(const Json& value, const std::string& where) {
  std::vector<std::string> labels;
  for (const Json& item : value.is_array() ? value : Json::array({value})) {
    if (!item.is_string()) {
      refuse(where, "labels", "a list of strings", value);
    }
    labels.push_back(item.get<std::string>());
  }
  return labels;
}

}  // namespace

Record record_from_json(const Json& json, const std::string& where) {
  if (!json.is_object()) {
    refuse(where, "record", "a JSON object", json);
  }
  Record record;
  visit_texts(record, [&](const char* key, std::string& text) {
    const auto found = json.find(key);
    if (found == json.end() || found->is_null()) {
      return;
    }
    if (!found->is_string()) {
      refuse(where, key, "a string", *found);
    }
    text = found->get<std::string>();
  });
  const auto labels = json.find("labels");
  if (labels != json.end() && !labels->is_null()) {
    record.labels = read_labels(*labels, where);
  }
  if (record.file_name.empty()) {
    fail("{}: file_name: expected the name of an image, found none", where);
  }
  if (record.id.empty()) {
    record.id = record.file_name;
  }
  return record;
}

namespace {

Manifest read_records(const fs::path& path) {
  Manifest manifest{path.parent_path(), {}};
  for_each_jsonl_line(path, [&](const JsonLine& line) {
    manifest.records.push_back(record_from_json(line.value, fmt::format("{}:{}", path.string(), line.line)));
    manifest.records.back().line = line.line;
  });
  if (manifest.records.empty()) {
    fail("{}: expected one record a line, found an empty file", path.string());
  }
  return manifest;
}

Manifest list_images(const fs::path& folder) {
  Manifest manifest{folder, {}};
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.is_regular_file() && has_image_extension(entry.path())) {
      Record record;
      record.file_name = entry.path().lexically_relative(folder).generic_string();
      record.id = record.file_name;
      manifest.records.push_back(std::move(record));
    }
  }
  if (manifest.records.empty()) {
    fail("{}: expected a metadata.jsonl or image files, found neither", folder.string());
  }
  std::sort(manifest.records.begin(), manifest.records.end(),
            [](const Record& a, const Record& b) { return a.file_name < b.file_name; });
  return manifest;
}

}  // namespace

Json to_json(const Record& record) {
  Json json = Json::object();
  visit_texts(record, [&](const std::string& key, const std::string& text) {
    json[key] = text;
    if (key == "image_type") {
      json["labels"] = record.labels;
    }
  });
  return json;
}

Manifest read_manifest(const fs::path& path) {
  if (!fs::exists(path)) {
    fail("{}: expected a folder of images, a metadata.jsonl or another .jsonl manifest, found nothing there",
         path.string());
  }
  if (!fs::is_directory(path)) {
    return read_records(path);
  }
  const fs::path metadata = path / "metadata.jsonl";
  return fs::exists(metadata) ? read_records(metadata) : list_images(path);
}

namespace {

/// One line a record, which `adapt` may change.
template <class Adapt>
void write_records(const fs::path& path, const Manifest& manifest, const Adapt& adapt) {
  AtomicFile file(path);
  for (const Record& record : manifest.records) {
    Json line = to_json(record);
    adapt(record, line);
    file.write(line.dump() + "\n");
  }
  file.commit();
}

}  // namespace

void write_manifest(const fs::path& folder, const Manifest& manifest) {
  write_records(folder / "metadata.jsonl", manifest, [](const Record&, Json&) {});
}

void write_manifest_file(const fs::path& file, const Manifest& manifest) {
  const fs::path folder = fs::absolute(file).parent_path().lexically_normal();
  write_records(file, manifest, [&](const Record& record, Json& line) {
    const fs::path image = fs::absolute(image_path(manifest, record)).lexically_normal();
    line["file_name"] = image.lexically_relative(folder).generic_string();
  });
}

fs::path image_path(const Manifest& manifest, const Record& record) {
  return manifest.root / record.file_name;
}

}  // namespace medisyn
