// `medisyn curate`: repositories of volumes, pictures, videos and slides -> one folder of images with a
// manifest.
#pragma once

#include <exception>
#include <filesystem>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/curate/config.h"
#include "medisyn/data/manifest.h"
#include "medisyn/dist/communicator.h"

namespace medisyn {

/// Thrown after Ctrl-C or SIGTERM: what was made stays, the same command goes on.
class CurateInterrupted : public std::exception {
 public:
  const char* what() const noexcept override { return "interrupted"; }
};

/// Writes OUT/images/<repository>/*.png (or OUT/shards/*.tar), metadata.jsonl, the audit, config.yaml and
/// result.json (`record`, completed here with its config, inputs and metrics). The images come first, each
/// item noted in OUT/.curate, and everything else at the end: a killed run goes on where it stopped, and a
/// later run with the same OUT reads only the files that are new or changed and keeps every group on its side
/// of the split. The ranks share the files; the first one does the end. All but result.json is the same, byte
/// for byte, on every run into an empty folder.
///
/// Error: OUT holds something else, a path is missing, too many corrupt files, sides that contradict each
/// other. CurateInterrupted after Ctrl-C.
void curate(const CurateConfig& config, const std::filesystem::path& out, Communicator& ranks,
            std::int64_t threads, RunRecord& record);

/// Counts: images, captions, by image type, specialty and repository for each split, patients.
Json count_records(const std::vector<Record>& records);

}  // namespace medisyn
