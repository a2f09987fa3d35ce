// MS-SSIM of many pairs of image files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <utility>
#include <vector>

namespace medisyn {

using IndexPair = std::pair<std::int64_t, std::int64_t>;

/// The score of each pair of image files, on all of torch's threads. Images are prepared once each while
/// `memory_bytes` holds them all; beyond it, tile by tile. `progress` is told how many pairs are done. Error
/// naming the file for a corrupt image, for one of another size than the first, or too small.
std::vector<double> score_pairs(const std::vector<std::filesystem::path>& images,
                                const std::vector<IndexPair>& pairs, std::int64_t scales,
                                std::int64_t memory_bytes,
                                const std::function<void(std::int64_t)>& progress = {});

}  // namespace medisyn
