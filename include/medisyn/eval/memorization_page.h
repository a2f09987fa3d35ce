// page.html of `medisyn eval memorization`: the tables, and the closest pairs to look at.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "medisyn/data/manifest.h"
#include "medisyn/eval/memorization.h"
#include "medisyn/eval/memorization_tables.h"

namespace medisyn {

struct MemorizationPageOptions {
  std::string method;             ///< a sentence: which features, among how many images
  std::int64_t image_pixels = 0;  ///< as DistanceOptions
  std::size_t most_pairs = 200;   ///< shown with pictures, the closest; some 50 kB each
};

/// One self-contained page. `tables` begins with the paper's distance. Pairs at or below the highest
/// threshold, by the least of the distances that were measured, closest first, under the first threshold that
/// they reach: training image, generated image, their difference.
std::string memorization_page(const std::vector<MemorizationTable>& tables,
                              const std::vector<NearestPair>& pairs, const Manifest& generated,
                              const std::vector<ImageKind>& kinds, const Manifest& training,
                              const MemorizationPageOptions& options);

}  // namespace medisyn
