// MS-SSIM of many pairs of images.
#pragma once

#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "medisyn/io/image_source.h"

namespace medisyn {

using IndexPair = std::pair<std::int64_t, std::int64_t>;

/// The score of each pair of images, on all of torch's threads. Images are prepared once each while
/// `memory_bytes` holds them all; beyond it, tile by tile. `progress` is told how many pairs are done. Error
/// naming it for a corrupt image, for one of another size than the first, or too small.
std::vector<double> score_pairs(const std::vector<ImageSource>& images, const std::vector<IndexPair>& pairs,
                                std::int64_t scales, std::int64_t memory_bytes,
                                const std::function<void(std::int64_t)>& progress = {});

}  // namespace medisyn
