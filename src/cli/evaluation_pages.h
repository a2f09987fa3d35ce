// page.html of `medisyn eval fid` and `medisyn eval msssim`, and the tables that they share with `medisyn
// report`.
#pragma once

#include <string>
#include <vector>

#include "medisyn/core/run_record.h"
#include "msssim_sides.h"

namespace medisyn {

/// Rows of (score, value, over) for the metrics of one result of fid.
std::vector<std::vector<std::string>> distance_rows(const Json& metrics);

/// Cards, the curve to infinitely many images, bars beside the real images' own, and the table.
std::string fid_page(const Json& metrics);

/// Cards and the histogram of scores, of all pairs and of those within prompts, real ones beside them.
std::string msssim_page(const Json& metrics, const std::vector<MsSsimSide>& sides);

}  // namespace medisyn
