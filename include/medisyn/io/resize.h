// Antialiased bicubic resampling, equal to PIL's.
#pragma once

#include <torch/types.h>

#include "medisyn/io/image.h"

namespace medisyn {

/// Resizes as PIL's Image.resize(BICUBIC) does, byte for byte: a Keys kernel with a = -0.5 that is widened
/// when shrinking, rows first, 22-bit fixed-point weights, rounded to 8 bits after each pass (Pillow:
/// Resample.c). Pillow 13 begins with the columns where the shape changes so that this is less work; the
/// bytes are those of Pillow up to 12 then, a few of 255 apart.
Image resize(const Image& image, int height, int width);

/// The same kernel on float planes without rounding or clamping: [C, H, W] -> [C, height, width].
/// Cubic weights overshoot at edges: clamp afterwards where the range matters.
torch::Tensor resize_float(const torch::Tensor& planes, int height, int width);

/// Shorter side to `size`, then the centre square: [H, W] -> [size, size]. What is cut off is not computed.
Image resize_and_crop(const Image& image, int size);

}  // namespace medisyn
