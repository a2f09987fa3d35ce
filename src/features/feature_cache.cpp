#include "medisyn/features/feature_cache.h"

#include <fmt/format.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <cstring>
#include <fstream>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

constexpr std::size_t kNumberDigits = 16;
constexpr std::size_t kFolderDigits = 2;

void make_folder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error) {
    fail("{}: cannot be made: {}", folder.string(), error.message());
  }
}

}  // namespace

FeatureCache::FeatureCache(const fs::path& folder, const Extractor& extractor)
    : bytes_(static_cast<std::size_t>(extractor.width) * sizeof(float)) {
  const std::string description = describe(extractor).dump(2) + "\n";
  folder_ = folder / fmt::format("{}-{}", extractor.name, sha256_hex(description).substr(0, kNumberDigits));
  make_folder(folder_);
  if (!is_file(folder_ / "description.json")) {
    write_file(folder_ / "description.json", description);
  }
}

fs::path FeatureCache::file_of(const std::string& image_sha256) const {
  return folder_ / image_sha256.substr(0, kFolderDigits) / (image_sha256.substr(kFolderDigits) + ".f32");
}

bool FeatureCache::read(const std::string& image_sha256, float* row) const {
  std::ifstream file(file_of(image_sha256), std::ios::binary | std::ios::ate);
  if (!file || static_cast<std::size_t>(file.tellg()) != bytes_) {
    return false;
  }
  file.seekg(0);
  return static_cast<bool>(file.read(reinterpret_cast<char*>(row), static_cast<std::streamsize>(bytes_)));
}

void FeatureCache::write(const std::string& image_sha256, const float* row) const {
  const fs::path file = file_of(image_sha256);
  make_folder(file.parent_path());
  static std::atomic<std::uint64_t> writes = 0;
  fs::path own = file;
  own += fmt::format(".{}-{}", getpid(), writes++);  // ranks and threads may meet the same picture
  write_file(own, {reinterpret_cast<const char*>(row), bytes_}, Sync::kNone);
  fs::rename(own, file);
}

}  // namespace medisyn
