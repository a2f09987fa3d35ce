// BiomedCLIP's vision tower as a feature extractor.
#pragma once

#include <torch/types.h>

#include <filesystem>

#include "medisyn/features/extractor.h"

namespace medisyn {

/// "biomedclip": the projected embeddings of a folder as its repository holds it (models/biomedclip.h),
/// normalised by the mean and deviation of its open_clip_config.json. Error for a folder that is none, or
/// whose mean and deviation are not three numbers each.
Extractor load_biomedclip_extractor(const std::filesystem::path& folder, torch::Device device);

}  // namespace medisyn
