// At the end of a run images come to stand where they belong (image_store.h): in the data set or aside.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <unordered_set>
#include <vector>

#include "medisyn/curate/journal.h"

namespace medisyn {

inline constexpr const char* kShardFolder = "shards";
inline constexpr const char* kCommitFolder = ".curate/commit";
inline constexpr const char* kShardDigests = ".curate/shards.json";  ///< shard -> hash of its rows

/// Finished images, each with its side where it has one.
struct Placement {
  std::filesystem::path out;
  std::vector<CuratedImage>& images;         ///< their places are brought up to date
  const std::vector<std::uint8_t>& is_kept;  ///< which of them are the data set
};

/// Each a file. Images of an earlier run's shards are copied out of them. Whatever no image needs any more is
/// removed. True when the places that the journal knows have changed.
bool place_as_files(const Placement& placement);

struct ShardOptions {
  std::int64_t images = 10000;  ///< of a shard
  std::int64_t threads = 1;
};

/// Shards of the images in their order. Those in which nothing changes stay as they are; others are written
/// anew, their images copied, from a file, a spool or a shard, as bytes whose SHA-256 is checked.
///
/// New shards and a new journal, which `write_journal` writes into the file that it is given, come to be in
/// OUT/.curate/commit.part. When all are there and synced, that folder becomes OUT/.curate/commit, and from
/// then on they count: end_placing() puts them in their places, in this run or, after a kill, in the next.
///
/// False when nothing had to be changed and the journal was not written. Error: two images of one name; an
/// image whose bytes have changed. CurateInterrupted after Ctrl-C.
bool place_as_shards(const Placement& placement, const ShardOptions& options,
                     const std::function<void(const std::filesystem::path&)>& write_journal);

/// Ends what a kill broke off, before anything else of OUT is read. While places change there is no
/// metadata.jsonl, which would name wrong ones: earlier_manifest() finds it.
void end_placing(const std::filesystem::path& out);

/// The manifest of the run before: OUT/metadata.jsonl, or where end_placing() put it; "" for none.
std::filesystem::path earlier_manifest(const std::filesystem::path& out);

/// To be called when metadata.jsonl is written.
void forget_earlier_manifest(const std::filesystem::path& out);

/// Removes the files below a folder, if there is one, that are not among `known`.
void remove_others(const std::filesystem::path& folder, const std::unordered_set<std::string>& known);

}  // namespace medisyn
