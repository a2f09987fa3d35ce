// `medisyn curate`: repositories of volumes and pictures -> one folder of images with a manifest.
#pragma once

#include <filesystem>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/curate/config.h"
#include "medisyn/data/manifest.h"

namespace medisyn {

/// Writes OUT/images/<repository>/*.png, metadata.jsonl, config.yaml and result.json (`record`, completed
/// here with its config, inputs and metrics). Everything is written to a temporary folder beside OUT that
/// takes its place at the end; after an Error nothing is left. All but result.json is the same, byte for
/// byte, on every run. Error: OUT holds another run, a path is missing, too many corrupt files, a patient on
/// two sides. CurateInterrupted after Ctrl-C.
void curate(const CurateConfig& config, const std::filesystem::path& out, RunRecord& record);

/// Counts: images, captions, by image type, specialty and source for each split, patients.
Json count_records(const std::vector<Record>& records);

}  // namespace medisyn
