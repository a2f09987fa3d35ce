// What each of several ranks made, told to the others by files:
//
//   ranks.parts/0-of-4.json     written when the rank has done its share
//   ranks.closing/              what ranks.parts/ is called once a rank has seen all: only one rename can
//   succeed
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/dist/ranks.h"

namespace medisyn {

/// What one rank did, or all of them together.
struct Share {
  std::size_t found = 0;            ///< images that were there before
  std::size_t made = 0;             ///< images drawn, broken ones among them
  double images_per_second = 0;     ///< while drawing
  std::vector<std::string> broken;  ///< file names of images with NaN or infinity, which were not saved
  std::int64_t vae_upcast = 0;      ///< images that were decoded again in fp32
  std::int64_t vae_tiled = 0;       ///< images that were decoded in tiles
};

void write_share(const std::filesystem::path& run, const Rank& rank, const Share& share);

/// The shares of all `world` ranks added up, or nothing while one is missing.
std::optional<Share> read_shares(const std::filesystem::path& run, std::int64_t world);

/// True for one of the ranks that see all shares: that one closes the run, then removes them.
bool claim_closing(const std::filesystem::path& run);

/// Removes the shares of this rank, or all of them.
void remove_share(const std::filesystem::path& run, const Rank& rank);
void remove_shares(const std::filesystem::path& run);

}  // namespace medisyn
