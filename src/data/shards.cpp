#include "medisyn/data/shards.h"

#include <cctype>
#include <unordered_map>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/utf8.h"
#include "medisyn/io/image.h"
#include "medisyn/io/jsonl.h"

namespace medisyn {
namespace {

constexpr std::uint64_t kMostText = 1 << 20;

/// What the other files of an image's sample say about it.
class SampleTexts {
 public:
  explicit SampleTexts(const TarIndex& index) : index_(index) {
    for (const TarEntry& entry : index.entries()) {
      const std::string_view name = sample_name(entry.name);
      const std::string_view extension = std::string_view(entry.name).substr(name.size());
      if (extension == ".txt") {
        texts_[name] = &entry;
      } else if (extension == ".json") {
        rows_[name] = &entry;
      }
    }
  }

  Record record_of(const TarEntry& image) const {
    const std::string_view name = sample_name(image.name);
    Record record;
    if (const auto found = rows_.find(name); found != rows_.end()) {
      record = record_of_row(*found->second);
    }
    if (const auto found = texts_.find(name); found != texts_.end()) {
      record.text = read(*found->second);
      check_utf8(record.text, place_of(*found->second));
      while (!record.text.empty() && std::isspace(static_cast<unsigned char>(record.text.back())) != 0) {
        record.text.pop_back();
      }
    }
    return record;
  }

 private:
  Record record_of_row(const TarEntry& entry) const {
    const Json row = parse_json(read(entry), place_of(entry));
    if (!row.is_object()) {
      fail("{}: expected a JSON object, found {}", place_of(entry), row.type_name());
    }
    if (row.contains("file_name")) {
      return record_from_json(row, place_of(entry));
    }
    Record record;
    for (const char* key : {"caption", "text"}) {
      if (const auto found = row.find(key); found != row.end() && found->is_string()) {
        record.text = found->get<std::string>();
      }
    }
    return record;
  }

  std::string read(const TarEntry& entry) const {
    if (entry.size > kMostText) {
      fail("{}: expected at most {} bytes of text, found {}", place_of(entry), kMostText, entry.size);
    }
    return index_.read(entry);
  }

  std::string place_of(const TarEntry& entry) const { return (index_.path() / entry.name).string(); }

  const TarIndex& index_;
  std::unordered_map<std::string_view, const TarEntry*> rows_, texts_;
};

}  // namespace

std::string_view sample_name(std::string_view member) {
  const std::size_t slash = member.rfind('/');
  const std::size_t begin = slash == std::string_view::npos ? 0 : slash + 1;
  return member.substr(0, member.find('.', begin + 1));
}

std::string shard_name(std::string_view prefix, std::int64_t number) {
  return fmt::format("{}{:05}.tar", prefix, number);
}

std::uint64_t add_sample(TarWriter& shard, const std::string& file_name, std::string_view image,
                         std::string_view row, std::string_view text) {
  const std::string name(sample_name(file_name));
  const std::uint64_t begin = shard.add(file_name, image);
  shard.add(name + ".json", row);
  shard.add(name + ".txt", text);
  return begin;
}

std::vector<Record> list_shard(const fs::path& root, const fs::path& archive) {
  const TarIndex index(archive);
  const SampleTexts texts(index);
  const std::string below = archive.lexically_relative(root).generic_string();
  std::vector<Record> records;
  for (const TarEntry& entry : index.entries()) {
    if (!has_image_extension(entry.name) || entry.size == 0) {
      continue;
    }
    Record record = texts.record_of(entry);
    record.file_name = below + "/" + entry.name;
    record.id = record.id.empty() ? record.file_name : record.id;
    record.shard = {.file = below, .begin = entry.begin, .bytes = entry.size};
    records.push_back(std::move(record));
  }
  return records;
}

}  // namespace medisyn
