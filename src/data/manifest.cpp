#include "medisyn/data/manifest.h"

#include "list_images.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
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

constexpr const char* kShard = "shard";
constexpr const char* kShardBegin = "shard_begin";
constexpr const char* kShardBytes = "shard_bytes";

/// None of the three keys, or all of them.
ShardPlace read_place(const Json& json, const std::string& where) {
  const auto value_of = [&](const char* key) -> const Json& {
    static const Json kNothing;
    const auto found = json.find(key);
    return found == json.end() ? kNothing : *found;
  };
  const auto number = [&](const char* key, std::uint64_t least) {
    const Json& value = value_of(key);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() < least) {
      refuse(where, key, least == 0 ? "a whole number of at least 0" : "a whole number above 0", value);
    }
    return value.get<std::uint64_t>();
  };
  if (value_of(kShard).is_null() && value_of(kShardBegin).is_null() && value_of(kShardBytes).is_null()) {
    return {};
  }
  if (!value_of(kShard).is_string() || value_of(kShard).get<std::string>().empty()) {
    refuse(where, kShard, "the name of a tar file", value_of(kShard));
  }
  return {.file = value_of(kShard).get<std::string>(),
          .begin = number(kShardBegin, 0),
          .bytes = number(kShardBytes, 1)};
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
  record.shard = read_place(json, where);
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

}  // namespace

Json to_json(const Record& record) {
  Json json = Json::object();
  visit_texts(record, [&](const std::string& key, const std::string& text) {
    json[key] = text;
    if (key == "image_type") {
      json["labels"] = record.labels;
    }
  });
  if (!record.shard.file.empty()) {
    json[kShard] = record.shard.file;
    json[kShardBegin] = record.shard.begin;
    json[kShardBytes] = record.shard.bytes;
  }
  return json;
}

Manifest read_manifest(const fs::path& path) {
  if (!fs::exists(path)) {
    fail(
        "{}: expected a folder of images, a metadata.jsonl, another .jsonl manifest or a .tar file, found "
        "nothing there",
        path.string());
  }
  if (!fs::is_directory(path)) {
    return path.extension() == ".tar" ? list_tar(path) : read_records(path);
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
    const auto from_here = [&](const fs::path& path) {
      return fs::absolute(path).lexically_normal().lexically_relative(folder).generic_string();
    };
    line["file_name"] = from_here(image_path(manifest, record));
    if (!record.shard.file.empty()) {
      line["shard"] = from_here(manifest.root / record.shard.file);
    }
  });
}

fs::path image_path(const Manifest& manifest, const Record& record) {
  return manifest.root / record.file_name;
}

ImageSource image_source(const Manifest& manifest, const Record& record) {
  const auto& [file, begin, bytes] = record.shard;
  if (file.empty()) {
    return image_path(manifest, record);
  }
  return {manifest.root / file, begin, bytes, fs::path(record.file_name).filename().string()};
}

}  // namespace medisyn
