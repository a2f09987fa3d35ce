// The generated images of a grid that are not there yet, drawn by `medisyn generate`.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "medisyn/cli/options.h"
#include "medisyn/eval/classify/plan.h"

namespace medisyn {

/// Of each pool of the grid, in data.pools as open_pools() left them.
std::vector<std::vector<MissingImage>> all_missing_images(const GridData& data, const ClassifyConfig& config);

/// Error where a pool lacks images and has no model that draws them.
void require_models(const GridData& data, const std::vector<std::vector<MissingImage>>& missing,
                    const ClassifyConfig& config);

/// OUT/synthetic or OUT/synthetic-2.5 of each pool that lacks images, "" of the others.
std::vector<std::filesystem::path> pool_folders(const GridData& data,
                                                const std::vector<std::vector<MissingImage>>& missing,
                                                const std::filesystem::path& out);

/// Draws what is missing, by processes of `medisyn generate`: --nproc of them, or this one as one of the
/// ranks of torchrun, SLURM or mpirun, which then wait for each other's images. What an earlier run drew is
/// kept. 0, or the exit code of a generate that failed or was interrupted.
int draw_missing(const GridData& data, const std::vector<std::vector<MissingImage>>& missing,
                 const ClassifyConfig& config, const CommonOptions& common);

}  // namespace medisyn
