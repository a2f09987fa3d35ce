// Where `medisyn curate` keeps finished images.
//
//   without `shards`               with `shards`
//   OUT/images/REPOSITORY/ID.png   OUT/shards/SPLIT-00000.tar    those of the data set
//   OUT/.curate/aside/ID.png       OUT/.curate/aside/00000.tar   others, for now
//                                  OUT/.curate/spool/RANK-N      this run's, one behind the other
//
// With shards a million files never come to be.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "medisyn/curate/journal.h"
#include "medisyn/data/manifest.h"

namespace medisyn {

inline constexpr const char* kStateFolder = ".curate";
inline constexpr const char* kSpoolFolder = ".curate/spool";
inline constexpr const char* kAsideFolder = ".curate/aside";

/// Takes the images of one rank while its files are read. Any thread.
class ImageStore {
 public:
  /// `spools`: into a spool instead of files. A spool of an earlier run is never written on: its end may be
  /// torn.
  ImageStore(std::filesystem::path out, std::int64_t rank, bool spools);

  /// Writes the bytes of a record's image and fills record.shard. Error when the disk is full, say.
  void put(Record& record, std::string_view bytes);

  /// Forgets an image of a file that is rejected after all; its place in a spool is lost until the run's end.
  void remove(const Record& record) const;

 private:
  ShardPlace append(std::string_view bytes);

  std::filesystem::path out_;
  std::int64_t rank_;
  bool spools_;
  std::mutex mutex_;
  std::string spool_;  ///< below `out`; "" before the first image
  std::ofstream stream_;
  std::uint64_t end_ = 0;
};

/// Where an image's file waits that is no part of the data set now.
std::filesystem::path set_aside(const std::filesystem::path& out, const Record& record);

/// Where an image is now, whichever way it was written; nothing when it is lost, in whole or in part.
std::optional<ImageSource> find_image(const std::filesystem::path& out, const CuratedImage& image);

}  // namespace medisyn
