// What `medisyn curate` has made so far, item by item, so that a killed run goes on and a second one touches
// only what is new or changed.
//
//   OUT/.curate/items-RANK.jsonl     one line an item: {"key", "rejected", "item", "skipped", "images"}
//
// A line is added when an item's images are written. A last line that a kill cut short is passed over. The
// file is made again without the lines that no item has any more when a run ends.
#pragma once

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "medisyn/curate/perceptual_hash.h"
#include "medisyn/data/manifest.h"

namespace medisyn {

/// A finished image.
struct CuratedImage {
  Record record;  ///< without group_id, and with a split only where the repository's own rule gives one; its
                  ///< shard may be a spool
  std::string pixels;  ///< SHA-256 of the finished pixels, in hex
  PerceptualHash hash;
  double seconds = 0;       ///< of a video's frame; NaN for others
  std::uint64_t bytes = 0;  ///< of the encoded image
};

/// What came of an item.
struct ItemResult {
  std::string key;   ///< of all that the result depends on
  std::string item;  ///< its path below the repository's folder, for messages
  std::vector<CuratedImage> images;
  std::map<std::string, std::int64_t> skipped;  ///< what was left out on purpose, by reason
  std::string rejected;                         ///< why the file was not read; "" otherwise
};

class Journal {
 public:
  static constexpr const char* kMerged = "items-all.jsonl";

  /// Changes a line while it is copied.
  using Adapt = std::function<void(ItemResult&)>;

  /// Reads what all ranks wrote before. Error naming file and line for one that is damaged before its end.
  Journal(std::filesystem::path folder, std::int64_t rank);

  bool contains(const std::string& key) const { return places_.contains(key); }

  /// Whether that item's file could not be read.
  bool is_rejected(const std::string& key) const;

  /// The result of an item. Reads its line again: results are not kept in memory.
  ItemResult read(const std::string& key) const;

  /// Adds a line. Any thread.
  void add(const ItemResult& result);

  /// Reads the lines that this and other ranks have added since the last time.
  void reread();

  /// Keeps the lines of `keys` alone, in that order, in one file, kMerged.
  void keep(const std::vector<std::string>& keys, const Adapt& adapt = {});

  /// Writes that file elsewhere: when it is put in the journal's folder, drop_parts() ends the change.
  void write(const std::filesystem::path& file, const std::vector<std::string>& keys,
             const Adapt& adapt = {}) const;

  /// Removes all files of a journal but kMerged.
  static void drop_parts(const std::filesystem::path& folder);

 private:
  struct Place {
    std::size_t file = 0;
    std::uint64_t begin = 0, size = 0;
    bool is_rejected = false;
  };
  struct File {
    std::filesystem::path path;
    std::unique_ptr<std::ifstream> stream;
    std::uint64_t read = 0;  ///< bytes of whole lines
  };
  void read_on(std::size_t file);
  std::string line_at(const Place& place) const;

  std::filesystem::path folder_;
  std::filesystem::path own_;
  std::vector<File> files_;
  std::unordered_map<std::string, Place> places_;
  mutable std::mutex mutex_;
};

}  // namespace medisyn
