#include "medisyn/curate/image_store.h"

#include <cerrno>
#include <cstring>
#include <system_error>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

bool has_bytes(const fs::path& file, std::uint64_t begin, std::uint64_t bytes) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(file, error);
  return !error && begin <= size && bytes <= size - begin;
}

bool has_size(const fs::path& file, std::uint64_t bytes) {
  std::error_code error;
  return fs::file_size(file, error) == bytes && !error;
}

}  // namespace

ImageStore::ImageStore(fs::path out, std::int64_t rank, bool spools)
    : out_(std::move(out)), rank_(rank), spools_(spools) {}

void ImageStore::put(Record& record, std::string_view bytes) {
  if (spools_) {
    record.shard = append(bytes);
    return;
  }
  record.shard = {};
  // The journal tells a file that a power cut left empty by its size.
  write_file(out_ / record.file_name, bytes, Sync::kNone);
}

void ImageStore::remove(const Record& record) const {
  std::error_code ignored;
  if (record.shard.file.empty()) {
    fs::remove(out_ / record.file_name, ignored);
  }
}

ShardPlace ImageStore::append(std::string_view bytes) {
  const std::scoped_lock lock(mutex_);
  if (spool_.empty()) {
    fs::create_directories(out_ / kSpoolFolder);
    for (int number = 0; spool_.empty() || fs::exists(out_ / spool_); ++number) {
      spool_ = fmt::format("{}/{}-{}", kSpoolFolder, rank_, number);
    }
    stream_.open(out_ / spool_, std::ios::binary);
  }
  stream_.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream_.flush();  // before the journal names it
  if (!stream_) {
    fail("{}: cannot be written: {}", (out_ / spool_).string(), std::strerror(errno));
  }
  const ShardPlace place{.file = spool_, .begin = end_, .bytes = bytes.size()};
  end_ += bytes.size();
  return place;
}

fs::path set_aside(const fs::path& out, const Record& record) {
  return out / kAsideFolder / fs::path(record.file_name).filename();
}

std::optional<ImageSource> find_image(const fs::path& out, const CuratedImage& image) {
  const auto& [file, begin, bytes] = image.record.shard;
  if (!file.empty() && has_bytes(out / file, begin, bytes)) {
    return image_source({out, {}}, image.record);
  }
  for (const fs::path& path : {out / image.record.file_name, set_aside(out, image.record)}) {
    if (has_size(path, image.bytes)) {
      return path;
    }
  }
  return std::nullopt;
}

}  // namespace medisyn
