// runs.jsonl: one line for each finished run of a grid, from any number of processes that may be killed.
//
//   {"run": "real-1-seed0", ..., "key": "<sha256>"}
//
// A line counts once its end is there: what a process that was killed, or a disk that was full, left half
// written at the end of the file is cut off by the next one that appends.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "medisyn/io/jsonl.h"

namespace medisyn {

struct RunLog {
  std::vector<JsonLine> lines;
  bool is_torn = false;  ///< the last line is not whole, and its run is not finished
};

/// Nothing when there is no file. Error FILE:LINE for a whole line that is no JSON.
RunLog read_run_log(const std::filesystem::path& file);

/// Adds one line under a lock and syncs it.
void append_run(const std::filesystem::path& file, const Json& run);

}  // namespace medisyn
