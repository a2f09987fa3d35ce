// Between pictures and the tensors that models take.
#pragma once

#include <torch/types.h>

#include "medisyn/io/image.h"

namespace medisyn {

/// [H, W, 3] of 0..255 -> [3, H, W] float32 in [-1, 1]: x / 127.5 - 1.
torch::Tensor to_tensor(const Image& image);

/// [3, H, W] in [-1, 1] -> picture; values are clamped and rounded to the nearest of 256 steps.
/// Error when a value is NaN: a broken model must not become a black picture.
Image to_image(const torch::Tensor& tensor);

}  // namespace medisyn
