#include "medisyn/curate/collector.h"

#include <fmt/format.h>

#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"

namespace medisyn {
namespace {

/// Lower-case letters, digits and single dashes.
std::string slug(const std::string& name) {
  std::string out;
  for (const unsigned char c : name) {
    if (std::isalnum(c) != 0) {
      out += static_cast<char>(std::tolower(c));
    } else if (!out.empty() && out.back() != '-') {
      out += '-';
    }
  }
  while (!out.empty() && out.back() == '-') {
    out.pop_back();
  }
  return out;
}

std::string pixel_hash(const Image& image) {
  std::string bytes = fmt::format("{}x{}:", image.height, image.width);
  bytes.append(reinterpret_cast<const char*>(image.pixels.data()), image.pixels.size());
  return sha256_hex(bytes);
}

/// Without a sync for each of many thousand files: the whole folder is synced once, before it takes its
/// place.
void write_unsynced(const fs::path& path, const std::string& bytes) {
  std::ofstream stream(path, std::ios::binary);
  stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
  stream.close();
  if (!stream) {
    fail("{}: cannot be written: {}", path.string(), std::strerror(errno));
  }
}

}  // namespace

Collector::Collector(const CurateConfig& config, fs::path folder)
    : config_(config), folder_(std::move(folder)) {}

void Collector::begin(const RepositoryConfig& repository) {
  repository_ = &repository;
  files_ = 0;
  bad_ = 0;
  fs::create_directories(folder_ / "images" / repository.name);
}

void Collector::add_bad_file(const fs::path& path, const std::string& reason) {
  log_warning("skipped: {}", reason);
  bad_files_.push_back({{"file", path.string()}, {"reason", reason}});
  ++files_;
  ++bad_;
}

void Collector::check_bad_files() const {
  if (static_cast<double>(bad_) > config_.max_bad_fraction * static_cast<double>(files_)) {
    fail("repository {}: {} of {} files cannot be read, more than max_bad_fraction {} allows; the last: {}",
         repository_->name, bad_, files_, config_.max_bad_fraction,
         bad_files_.back()["reason"].get<std::string>());
  }
}

std::string Collector::unique_id(const std::string& name) {
  const std::string base = repository_->name + "-" + slug(name);
  std::string id = base;
  for (int copy = 2; !ids_.insert(id).second; ++copy) {
    id = fmt::format("{}-{}", base, copy);
  }
  return id;
}

void Collector::take(const Image& image, const std::string& name, Record record) {
  if (interrupted()) {
    throw CurateInterrupted();
  }
  if (!seen_pixels_.insert(pixel_hash(image)).second) {
    skip("exact duplicate");
    return;
  }
  const bool is_png = config_.format == "png";
  record.id = unique_id(name);
  record.file_name = fmt::format("images/{}/{}.{}", repository_->name, record.id, is_png ? "png" : "jpg");
  const std::string bytes =
      is_png ? encode_png(image) : encode_jpeg(image, static_cast<int>(config_.jpeg_quality));
  record.sha256 = sha256_hex(bytes);
  write_unsynced(folder_ / record.file_name, bytes);
  records_.push_back(std::move(record));
}

Json Collector::left_out() const {
  Json skipped = Json::object();
  for (const auto& [reason, count] : skipped_) {
    skipped[reason] = count;
  }
  return {{"skipped", skipped}, {"bad_files", bad_files_}};
}

}  // namespace medisyn
