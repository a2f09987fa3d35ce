// The end of a curation: what is known of all images decides which stay and where.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/curate/config.h"
#include "medisyn/curate/journal.h"

namespace medisyn {

inline constexpr const char* kStateFolder = ".curate";

/// All items of a repository, in order.
struct RepositoryItems {
  const RepositoryConfig* repository = nullptr;
  std::vector<std::string> keys = {};  ///< in the journal
  std::int64_t filtered_out = 0;       ///< rows that `where` left out
};

/// Where an image waits that is no part of the data set now, a copy of another say: it may be one after the
/// next run.
std::filesystem::path set_aside(const std::filesystem::path& out, const Record& record);

bool has_size(const std::filesystem::path& file, std::uint64_t bytes);

/// Finds duplicates, divides the rest, puts the files in their places and writes metadata.jsonl, the audit,
/// config.yaml and result.json.
void finish_curation(const CurateConfig& config, const std::filesystem::path& out,
                     const std::vector<RepositoryItems>& items, Journal& journal, std::int64_t threads,
                     RunRecord& record);

}  // namespace medisyn
