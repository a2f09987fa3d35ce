// Do the pictures follow the prompt? The share of images whose nearest real training images, by features, are
// of the prompted image type.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "medisyn/data/manifest.h"

namespace medisyn {

/// Right and all.
struct Share {
  std::int64_t right = 0;
  std::int64_t all = 0;

  double value() const { return all == 0 ? 0 : static_cast<double>(right) / static_cast<double>(all); }
};

/// Wilson's 95 % interval of a share of at least one. Source: Wilson, 1927, equation 7.
std::pair<double, double> wilson_interval(const Share& share);

/// What one set of images scored.
struct AlignmentScore {
  std::string name;
  std::vector<std::string> truth;           ///< the prompted type of each image
  std::vector<std::string> predicted = {};  ///< the vote of its neighbours
  std::vector<double> votes = {};           ///< the share of neighbours that are of the prompted type
  std::map<std::string, Share> by_type = {};
  Share all = {};

  /// The mean of the types' shares: no type counts more because it has more images.
  double mean_of_types() const;
};

/// The image types each caption stands for in a manifest.
using CaptionTypes = std::map<std::string, std::set<std::string>>;
CaptionTypes types_of_captions(const Manifest& real);

/// The image type that each generated image was asked for: that of the real images with the same caption.
/// Error naming the image and its caption when no real image has it, or real images of two types.
std::vector<std::string> prompted_types(const Manifest& generated, const CaptionTypes& captions);

/// The records' own image types. Error naming a record without one.
std::vector<std::string> own_types(const Manifest& manifest);

/// A seeded draw of references in which every image type is there equally often: as often as the rarest, at
/// most `most`. Indices into the records, ascending.
std::vector<std::int64_t> balanced_references(const std::vector<Record>& records, std::int64_t most,
                                              std::uint64_t seed);

/// Majority vote of the k nearest references by cosine; a tie goes to the type of the nearer neighbour.
///   features [N, D], references [M, D], k of at most M
AlignmentScore score_alignment(std::string name, const torch::Tensor& features,
                               std::vector<std::string> truth, const torch::Tensor& references,
                               const std::vector<std::string>& reference_types, std::int64_t k);

}  // namespace medisyn
