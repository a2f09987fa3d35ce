// The readers of `medisyn curate`: from a repository's files to finished images.
#pragma once

#include "medisyn/curate/collector.h"
#include "medisyn/curate/config.h"
#include "medisyn/io/image.h"
#include "medisyn/io/volume.h"

namespace medisyn {

/// Reads every file of a repository and hands its images to the collector. A file that cannot be read is
/// counted and named there. Error when the path is missing or holds no matching file.
void read_repository(const CurateConfig& config, const RepositoryConfig& repository, Collector& collector);

/// A slice as a square picture: values between `low` and `high` become 0 to 255, the physical aspect ratio is
/// kept (the longer side in mm fills `size` pixels), the rest is black.
Image render_slice(const Slice& slice, float low, float high, int size);

}  // namespace medisyn
