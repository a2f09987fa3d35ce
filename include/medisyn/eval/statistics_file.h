// Statistics of features in a file, as pytorch-fid and clean-fid keep them: a .npz of `mu` [D] and `sigma`
// [D, D]. Ours hold `medisyn` beside them, a JSON text in bytes: how many images, and how the features were
// made. The others read ours.
#pragma once

#include <filesystem>

#include "medisyn/core/run_record.h"
#include "medisyn/eval/fid.h"

namespace medisyn {

struct StatisticsFile {
  Moments moments;
  Json description = nullptr;  ///< describe(Extractor) of those that medisyn wrote, null of others
};

/// Error naming the file for another one, arrays of other shapes, or values that are not finite.
StatisticsFile read_statistics(const std::filesystem::path& path);

void write_statistics(const std::filesystem::path& path, const StatisticsFile& statistics);

/// True for a name that ends in .npz.
bool is_statistics_file(const std::filesystem::path& path);

}  // namespace medisyn
