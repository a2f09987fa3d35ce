// What a training reads: sections `data` and `cache`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "medisyn/core/config.h"

namespace medisyn {

struct DataConfig {
  std::filesystem::path manifest;
  std::string where = "split=train";
  std::string validation_where = "split=validation";
  std::int64_t validation_images = 1000;  ///< a seeded draw of so many of them, or all where there are fewer
  /// Share of the draws that each image type gets, relative to the others; empty: as often as it is there.
  std::map<std::string, double> balance;
  std::int64_t workers = 0;  ///< threads that read ahead; 0: a quarter of the process's, at least one

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("manifest", self.manifest, required());
    visit("where", self.where);
    visit("validation_where", self.validation_where);
    visit("validation_images", self.validation_images, at_least(1));
    visit("balance", self.balance, at_least(0));
    visit("workers", self.workers, in_range(0, 256));
  }
};

/// What frozen encoders make of the data, once (train/latent_cache.h).
struct CacheConfig {
  std::optional<std::filesystem::path> folder;  ///< none: encoded anew in every step
  bool captions = true;                         ///< the texts' embeddings too; a trained encoder refuses them

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("folder", self.folder);
    visit("captions", self.captions);
  }
};

}  // namespace medisyn
