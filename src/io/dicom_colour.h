// From stored values to RGB: palettes, YBR and RGB of more than 8 bits.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "dicom_frames.h"

class DcmDataset;

namespace medisyn {

/// [H, W, 3] of a frame that is not grey. Error naming `where` when a palette is missing or broken.
std::vector<std::uint8_t> to_rgb(DcmDataset& dataset, const StoredFrame& frame, const std::string& where);

}  // namespace medisyn
