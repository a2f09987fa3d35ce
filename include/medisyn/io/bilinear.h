// Bilinear resampling without antialiasing, as the two Inception networks of FID were fed.
#pragma once

#include "medisyn/io/image.h"

namespace medisyn {

/// Where sample i of `size` lies in the `n` pixels of a line, pixel j's value being that at place j.
enum class BilinearGrid {
  kHalfPixel,  ///< (i + 1/2) n / size - 1/2: torch's F.interpolate(align_corners=False)
  kCorner,     ///< i n / size: tf.image.resize_bilinear of TensorFlow 1
};

/// Each sample is a mean of the four pixels around it, and of no others: shrinking leaves pixels out. Places
/// and sums are float, as there. -> [size, size, 3] in 0..255 at `out`
void resize_bilinear(const Image& image, int size, BilinearGrid grid, float* out);

}  // namespace medisyn
