// From a picture of any size to the study's square.
#pragma once

#include <string>

#include "medisyn/curate/config.h"
#include "medisyn/io/image.h"

namespace medisyn {

/// Antialiased bicubic, as PIL's. `fit` crop: the shorter side becomes `size`, then the centre square. pad:
/// the longer side becomes `size`, black fills the rest on both sides.
Image fitted(const Image& picture, int size, const std::string& fit);

/// What is written into each record about it.
std::string transform_of(const CurateConfig& config, bool is_slice);

/// The share of pixels whose luma (Rec. 601, as PIL's mode L) is above `threshold`.
double share_above(const Image& image, double threshold);

}  // namespace medisyn
