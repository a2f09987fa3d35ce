#include <system_error>

#include "medisyn/core/files.h"
#include "medisyn/curate/image_store.h"
#include "place_images.h"

namespace medisyn {
namespace {

constexpr const char* kManifest = "metadata.jsonl";
constexpr const char* kEarlierManifest = ".curate/earlier.jsonl";

std::vector<fs::path> files_below(const fs::path& folder) {
  std::error_code missing;
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder, missing)) {
    if (entry.is_regular_file()) {
      files.push_back(entry.path());
    }
  }
  return files;
}

}  // namespace

void end_placing(const fs::path& out) {
  const fs::path commit = out / kCommitFolder;
  fs::remove_all(commit.string() + ".part");
  if (!fs::exists(commit)) {
    return;
  }
  if (fs::exists(out / kManifest)) {
    fs::rename(out / kManifest, out / kEarlierManifest);
  }
  for (const fs::path& file : files_below(commit)) {
    const fs::path place = out / file.lexically_relative(commit);
    fs::create_directories(place.parent_path());
    fs::rename(file, place);
  }
  Journal::drop_parts(out / kStateFolder);
  fs::remove_all(commit);
}

fs::path earlier_manifest(const fs::path& out) {
  for (const char* name : {kManifest, kEarlierManifest}) {
    if (fs::exists(out / name)) {
      return out / name;
    }
  }
  return {};
}

void forget_earlier_manifest(const fs::path& out) { fs::remove(out / kEarlierManifest); }

void remove_others(const fs::path& folder, const std::unordered_set<std::string>& known) {
  for (const fs::path& file : files_below(folder)) {
    if (!known.contains(file.string())) {
      fs::remove(file);
    }
  }
}

}  // namespace medisyn
