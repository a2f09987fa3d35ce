// Results that may stand in one table.
#pragma once

#include <string>
#include <vector>

#include "medisyn/core/run_record.h"

namespace medisyn {

struct NamedResult {
  std::string name;  ///< the folder
  Json result;       ///< its result.json
};

/// "fid", "msssim" or "memorization": the evaluation that made it. "" for another command.
std::string evaluation_of(const Json& result);

/// Error naming the first difference where two results are of different evaluations or were made differently:
/// extractor, hash of the weights, mode, resize, number of images, file format; of msssim definition, scales,
/// resize and file format.
void check_comparable(const std::vector<NamedResult>& results);

}  // namespace medisyn
