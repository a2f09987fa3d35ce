// The YAML of `medisyn curate`: one list of repositories, and what is made of all.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"
#include "medisyn/curate/duplicates_config.h"
#include "medisyn/curate/repository_config.h"

namespace medisyn {

/// How the groups of the study are divided (assign_split.h).
struct SplitConfig {
  std::vector<double> ratio = {80, 10, 10};  ///< train, validation, test
  std::int64_t seed = 0;
  std::string on_conflict =
      "error";  ///< where repositories' own rules put one group on two sides: error, drop

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("ratio", self.ratio);
    visit("seed", self.seed, at_least(0));
    visit("on_conflict", self.on_conflict, one_of({"error", "drop"}));
  }
};

/// The images as WebDataset tar files, OUT/shards/<split>-00000.tar, ..., instead of files in OUT/images,
/// which many file systems cannot bear by the million. Of each image NAME.png (or .jpg), NAME.json (its row)
/// and NAME.txt (its caption), in the manifest's order: a reader that goes through them from end to end
/// should shuffle. metadata.jsonl is the index: its keys shard, shard_begin and shard_bytes say where each
/// image stands. May be put in, taken out or changed between two runs: no image is made anew for it.
struct ShardsConfig {
  std::int64_t images = 10000;  ///< in each shard; the last one of a split has fewer

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("images", self.images, in_range(1, 100'000));
  }
};

struct CurateConfig {
  std::filesystem::path root = ".";  ///< of the repositories' paths; relative to the working directory
  std::optional<std::filesystem::path> out;  ///< where --out does not say
  std::int64_t size = 512;                   ///< height and width of every image, pixels
  std::string fit = "crop";  ///< crop: shorter side, then the centre; pad: longer side, then black
  std::string format = "png";
  std::int64_t jpeg_quality = 95;  ///< of format jpeg
  std::optional<ShardsConfig> shards;
  double max_bad_fraction = 0.01;  ///< of a repository's files that may be corrupt
  SplitConfig split;
  DuplicatesConfig duplicates;
  /// A model's folder, or CLIP's merges file, for the audit of captions that are too long.
  std::optional<std::filesystem::path> tokenizer;
  std::vector<RepositoryConfig> repositories;

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("root", self.root);
    visit("out", self.out);
    visit("size", self.size, in_range(8, 8192));
    visit("fit", self.fit, one_of({"crop", "pad"}));
    visit("format", self.format, one_of({"png", "jpeg"}));
    visit("jpeg_quality", self.jpeg_quality, in_range(1, 100));
    visit("shards", self.shards);
    visit("max_bad_fraction", self.max_bad_fraction, in_range(0, 1));
    visit("split", self.split);
    visit("duplicates", self.duplicates);
    visit("tokenizer", self.tokenizer);
    visit("repositories", self.repositories, required());
  }
};

/// What no single field can say: Error naming the repository and the key. Names are unique and fit file
/// names, regular expressions and captions parse, keys belong to the reader, windows have two ends, every
/// text comes from one place.
void check_curate_config(const CurateConfig& config);

}  // namespace medisyn
