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

/// All items of a repository, in order.
struct RepositoryItems {
  const RepositoryConfig* repository = nullptr;
  std::vector<std::string> keys = {};  ///< in the journal
  std::int64_t filtered_out = 0;       ///< rows that `where` left out
};

/// Finds duplicates, divides the rest, puts the images in their places (place_images.h) and writes
/// metadata.jsonl, the audit, config.yaml, result.json and the journal.
void finish_curation(const CurateConfig& config, const std::filesystem::path& out,
                     const std::vector<RepositoryItems>& items, Journal& journal, std::int64_t threads,
                     RunRecord& record);

}  // namespace medisyn
