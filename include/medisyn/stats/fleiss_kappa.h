// Agreement of more than two raters beyond chance. Source: Fleiss, Psychological Bulletin 76 (1971) 378.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

namespace medisyn {

/// `counts` [items][categories]: how many raters put an item into a category, as many raters for each item.
/// Equal to statsmodels' fleiss_kappa(method="fleiss"). None without an item, with fewer than two raters, or
/// where all ratings are of one category (0 / 0). Error for rows of different sums or lengths.
std::optional<double> fleiss_kappa(const std::vector<std::vector<std::int64_t>>& counts);

}  // namespace medisyn
