#include "list_images.h"

#include <algorithm>
#include <iterator>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/data/shards.h"
#include "medisyn/io/image.h"

namespace medisyn {
namespace {

void add_shard(Manifest& manifest, const fs::path& archive) {
  std::vector<Record> records = list_shard(manifest.root, archive);
  std::move(records.begin(), records.end(), std::back_inserter(manifest.records));
}

void sort_by_name(Manifest& manifest) {
  std::sort(manifest.records.begin(), manifest.records.end(),
            [](const Record& a, const Record& b) { return a.file_name < b.file_name; });
}

}  // namespace

Manifest list_images(const fs::path& folder) {
  Manifest manifest{folder, {}};
  std::vector<fs::path> archives;
  for (auto entry = fs::recursive_directory_iterator(folder); entry != fs::recursive_directory_iterator();
       ++entry) {
    const fs::path& path = entry->path();
    if (path.filename().string().starts_with(".")) {
      entry.disable_recursion_pending();
    } else if (entry->is_regular_file() && has_image_extension(path)) {
      Record record;
      record.file_name = path.lexically_relative(folder).generic_string();
      record.id = record.file_name;
      manifest.records.push_back(std::move(record));
    } else if (entry->is_regular_file() && path.extension() == ".tar") {
      archives.push_back(path);
    }
  }
  if (manifest.records.empty()) {
    for (const fs::path& archive : archives) {
      add_shard(manifest, archive);
    }
  }
  if (manifest.records.empty()) {
    fail("{}: expected a metadata.jsonl, image files or tar files of images, found none of them",
         folder.string());
  }
  sort_by_name(manifest);
  return manifest;
}

Manifest list_tar(const fs::path& archive) {
  Manifest manifest{archive.parent_path(), {}};
  add_shard(manifest, archive);
  if (manifest.records.empty()) {
    fail("{}: expected a tar file with images in it, found none", archive.string());
  }
  sort_by_name(manifest);
  return manifest;
}

}  // namespace medisyn
