// Does a model draw images of its training set again? The paper's section 4.3.3.
//
//   features of images    ─┐ nearest by cosine among all of
//   features of training  ─┴ the same specialty and image type ─ pairs ─ pixels ─ patch distance
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <vector>

#include "medisyn/eval/image_kinds.h"
#include "medisyn/eval/patch_distance.h"
#include "medisyn/io/image_source.h"

namespace medisyn {

/// An image and one of its nearest training images.
struct NearestPair {
  std::int64_t image = 0;     ///< its number among the images asked about
  std::int64_t training = 0;  ///< its number among the training images
  std::int64_t rank = 1;      ///< 1 for the nearest
  double cosine = 0;
  double distance = 0;        ///< patch_distance()
  PlacedDistance least = {};  ///< least_patch_distance(), where it was asked for
};

/// The images [N, D] and the training images [M, D] by their features.
struct KindFeatures {
  torch::Tensor rows;
  std::vector<ImageKind> kinds;
};

/// The `k` nearest training images of each image, of its own kind: fewer where there are fewer. Sorted by
/// image, then rank. Error naming the kind when the training images have none of it.
std::vector<NearestPair> find_nearest(const KindFeatures& images, const KindFeatures& training,
                                      std::int64_t k);

struct DistanceOptions {
  /// Both pictures are brought to a square of so many pixels, as training does (shorter side resized, centre
  /// cut out); 0: the shorter side of the image asked about, so that its own pixels stay as they are.
  std::int64_t image_pixels = 0;
  bool extended = false;  ///< also the least distance over flips and shifts
};

inline constexpr int kMostShift = 4;                   ///< pixels of the extended search
inline constexpr std::int64_t kLeastImagePixels = 16;  ///< a patch is 4 pixels wide

/// The two pictures of a pair as they are compared. Error naming a file that cannot be read or is too small.
struct ComparedPair {
  Image training, image;
};
ComparedPair read_pair(const ImageSource& training, const ImageSource& image, std::int64_t image_pixels);

/// Fills in the distances, on all of torch's threads. `progress` is told how many pairs are done.
void measure_distances(std::vector<NearestPair>& pairs, const std::vector<ImageSource>& images,
                       const std::vector<ImageSource>& training, const DistanceOptions& options,
                       const std::function<void(std::int64_t)>& progress = {});

}  // namespace medisyn
