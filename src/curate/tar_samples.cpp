#include "tar_samples.h"

#include <algorithm>
#include <cctype>
#include <map>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/utf8.h"
#include "medisyn/curate/table.h"
#include "medisyn/data/shards.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/io/tar.h"

namespace medisyn {
namespace {

/// Members that share the name before the first dot.
class Sample {
 public:
  Sample(const TarIndex& index, std::string key) : index_(index), key_(std::move(key)) {}

  void add(const TarEntry& member) {
    const std::string extension = member.name.substr(std::min(member.name.size(), key_.size() + 1));
    if (has_image_extension(member.name)) {
      pictures_.push_back(&member);
    } else if (extension == "json") {
      add_keys(member);
    } else if (extension == "txt" || extension == "cls") {
      std::string text = index_.read(member);
      check_utf8(text, place_of(member));
      while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
        text.pop_back();
      }
      names_.push_back(extension);
      values_.push_back(std::move(text));
    }
  }

  void set_fault(const std::string& fault) { fault_ = fault; }

  void append_items(const std::string& below, std::vector<Item>& items) const {
    const Fields fields(std::make_shared<std::vector<std::string>>(names_), values_);
    for (const TarEntry* picture : pictures_) {
      items.push_back({.file = index_.path(),
                       .below = below + "/" + picture->name,
                       .begin = picture->begin,
                       .size = picture->size,
                       .fault = picture->size == 0 ? place_of(*picture) + ": an empty file" : fault_,
                       .fields = fields});
    }
  }

 private:
  std::string place_of(const TarEntry& member) const {
    return fmt::format("{}: {}", index_.path().string(), member.name);
  }

  void add_keys(const TarEntry& member) {
    const Json json = parse_json(index_.read(member), place_of(member));
    if (!json.is_object()) {
      fail("{}: expected a JSON object, found {}", place_of(member), json.type_name());
    }
    for (const auto& [name, value] : json.items()) {
      names_.push_back(name);
      values_.push_back(cell_text(value));
    }
  }

  const TarIndex& index_;
  std::string key_;
  std::vector<const TarEntry*> pictures_;
  std::vector<std::string> names_, values_;
  std::string fault_;
};

}  // namespace

std::vector<Item> list_tar_samples(const fs::path& archive, const std::string& below) {
  const TarIndex index(archive);
  std::map<std::string, Sample> samples;
  for (const TarEntry& entry : index.entries()) {
    const std::string key(sample_name(entry.name));
    Sample& sample = samples.try_emplace(key, index, key).first->second;
    try {
      sample.add(entry);
    } catch (const Error& error) {
      sample.set_fault(error.what());
    }
  }
  std::vector<Item> items;
  for (const auto& [key, sample] : samples) {
    sample.append_items(below, items);
  }
  return items;
}

}  // namespace medisyn
