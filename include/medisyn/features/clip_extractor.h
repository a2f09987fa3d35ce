// CLIP's vision tower as a feature extractor.
#pragma once

#include <torch/types.h>

#include <filesystem>

#include "medisyn/features/extractor.h"

namespace medisyn {

/// "clip": the projected embeddings of a folder as transformers keeps it (models/clip_vision.h), normalised
/// by the mean and deviation of its preprocessor_config.json, CLIP's own where there is none. Error for a
/// folder that is none, or a preprocessor_config.json that asks for another resize.
Extractor load_clip_extractor(const std::filesystem::path& folder, torch::Device device);

}  // namespace medisyn
