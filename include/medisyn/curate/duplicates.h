// Finds equal and nearly equal pictures among all of a study.
//
//   SHA-256 of the pixels ------------------------------> exact copies
//   hashes -> pairs within t bits -> thumbnails alike --> near-duplicates --+-> clusters -> what stays
//   embeddings -> pairs above a cosine -----------------> near-duplicates --+
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <limits>
#include <string_view>
#include <vector>

#include "medisyn/curate/duplicates_config.h"
#include "medisyn/curate/perceptual_hash.h"

namespace medisyn {

/// Grey values: thumbnails of less deviation are mostly rounding and noise, and every black frame would be
/// like every other.
inline constexpr double kBlankDeviation = 2.0;

/// What is asked of an image.
struct DuplicateFacts {
  std::string_view pixels = {};                               ///< SHA-256 of the finished pixels
  const PerceptualHash* hash = nullptr;                       ///< nullptr: exact copies alone
  std::string_view video_id = {};                             ///< "": of no video
  double seconds = std::numeric_limits<double>::quiet_NaN();  ///< of a video's frame; NaN: no frame
  const NearDuplicatesConfig* policy = nullptr;               ///< nullptr: that of the config
};

struct DuplicateSearch {
  /// Of exact and near-duplicates, numbered by their first image; -1: alone.
  std::vector<std::int64_t> cluster;
  std::vector<char> is_exact_copy;  ///< of an image before it
  std::vector<char> is_kept;

  std::int64_t clusters = 0;
  std::int64_t exact_copies = 0;
  std::int64_t near_duplicates = 0;  ///< images in clusters that are neither a copy nor the first
  std::int64_t left_out = 0;         ///< near-duplicates that the policy leaves out; no exact copies
  std::int64_t blank = 0;            ///< images too even for a comparison: exact copies alone are looked for
  std::int64_t unchecked = 0;  ///< pairs of like hashes that were too many to be checked (duplicates.cpp)
};

/// `embeddings`: [N, D], or undefined. The first of equal images stays, always; the rest is as the image's
/// policy says. The outcome depends on the order of the images, and on nothing else.
DuplicateSearch find_duplicates(const std::vector<DuplicateFacts>& images, const DuplicatesConfig& config,
                                const torch::Tensor& embeddings);

}  // namespace medisyn
