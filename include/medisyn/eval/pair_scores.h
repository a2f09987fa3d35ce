// MS-SSIM of many pairs of images.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "medisyn/eval/random_pairs.h"
#include "medisyn/io/image_source.h"

namespace medisyn {

struct PairScoreOptions {
  std::int64_t scales = 5;
  std::int64_t memory_bytes = std::int64_t{1} << 30U;  ///< for images
  int square_pixels = 0;  ///< shorter side to it, then the centre square; 0: as they are
};

/// The score of each pair of images, on all of torch's threads. While the memory holds all of them prepared,
/// each image is prepared once. Beyond it a block of them is held prepared and its partners come one after
/// the other; of the images to come, as many as fit are kept decoded. Error naming it for a corrupt image,
/// for one of another size than the first, or too small.
std::vector<double> score_pairs(const std::vector<ImageSource>& sources, const std::vector<IndexPair>& pairs,
                                const PairScoreOptions& options,
                                const std::function<void(std::int64_t)>& progress = {});

}  // namespace medisyn
