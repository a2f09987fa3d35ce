// Takes finished images: drops exact duplicates, writes files, keeps the records and the count of what was
// left out.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/curate/config.h"
#include "medisyn/data/manifest.h"
#include "medisyn/io/image.h"

namespace medisyn {

/// Thrown out of Collector::take after Ctrl-C or SIGTERM.
class CurateInterrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

class Collector {
 public:
  /// Files go to `folder`/images/<repository>/<id>.png (or .jpg).
  Collector(const CurateConfig& config, std::filesystem::path folder);

  /// Starts the count of a repository's files.
  void begin(const RepositoryConfig& repository);

  /// Names and counts a file that could not be read.
  void add_bad_file(const std::filesystem::path& path, const std::string& reason);
  void add_good_file() { ++files_; }

  /// Error when more than max_bad_fraction of the files since begin() were bad.
  void check_bad_files() const;

  /// Encodes, hashes and writes an image, unless one with the same pixels was taken before. Fills the
  /// record's file_name, id (from `name`, made fit for a file name and unique) and sha256.
  void take(const Image& image, const std::string& name, Record record);

  /// Counts what is left out on purpose: "blank", "across the border of a held-out part".
  void skip(const std::string& reason) { ++skipped_[reason]; }

  const std::vector<Record>& records() const { return records_; }

  /// "skipped" by reason and "bad_files" with their reasons.
  Json left_out() const;

 private:
  std::string unique_id(const std::string& name);

  const CurateConfig& config_;
  std::filesystem::path folder_;
  const RepositoryConfig* repository_ = nullptr;
  std::vector<Record> records_;
  std::unordered_set<std::string> seen_pixels_;
  std::unordered_set<std::string> ids_;
  std::map<std::string, std::int64_t> skipped_;
  Json bad_files_ = Json::array();
  std::int64_t files_ = 0;
  std::int64_t bad_ = 0;
};

}  // namespace medisyn
