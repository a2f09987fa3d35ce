// What `medisyn eval fid` computes of two sides, and says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fid_sides.h"

namespace medisyn {

struct FidOptions {
  std::int64_t kid_subsets = 100;     ///< torch-fidelity's
  std::int64_t kid_subset_size = 0;   ///< 0: 1000, torch-fidelity's, or half of the smaller side
  std::int64_t neighbours = 5;        ///< prdc's; the k of precision, recall, density and coverage
  std::int64_t infinity_points = 15;  ///< Chong & Forsyth's; 0: no extrapolation
  std::int64_t bootstrap = 0;         ///< resamples; 0: no interval
  std::uint64_t seed = 0;
};

/// Error when a subset of the kernel distance is larger than a side.
void check_fid_options(const FidOptions& options, const FidSide& real, const FidSide& generated);

/// The metrics of result.json beside describe(Extractor). What needs features of a side that has none, or
/// more images than there are, is null.
Json fid_metrics(const FidOptions& options, const FidSide& real, const FidSide& generated);

/// The same as fid.csv: names and one row; empty cells for what is null.
struct FidTable {
  std::vector<std::string> header;
  std::vector<std::string> row;
};
FidTable fid_table(const Json& metrics);

/// For the terminal, out of the metrics with the extractor's description.
std::string fid_summary(const Json& metrics);

/// True for the file that pytorch-fid and torch-fidelity download, whose name bears its hash.
bool is_published_inception(const std::string& weights_sha256);

}  // namespace medisyn
