// How a picture becomes what a feature extractor looks at.
#pragma once

#include <string>

#include "medisyn/io/image.h"

namespace medisyn {

enum class Preparation {
  kBicubic,       ///< PIL's antialiased bicubic in bytes, whatever the aspect
  kBicubicCrop,   ///< the same, shorter side to the size, then the centre square: CLIP's
  kPytorchFid,    ///< F.interpolate(bilinear, align_corners=False) without antialias, of floats
  kCleanFid,      ///< PIL's antialiased bicubic of each channel in float, cut at 0 and 255
  kTorchFidelity  ///< TensorFlow 1's bilinear without antialias, of the bytes' values
};

/// In words, for result.json: results of two resizes cannot be compared.
std::string describe(Preparation preparation, int size);

/// -> [size, size, 3] in 0..1 at `out`
///
/// kPytorchFid, kCleanFid and kTorchFidelity agree with pytorch_fid 0.3.0, with clean-fid's resize
/// (cleanfid/resize.py, mode "clean") and with torch_fidelity 0.4.0 within 1e-5.
/// Source of clean-fid: Parmar, Zhang & Zhu, 2022, https://arxiv.org/abs/2104.11222.
void prepare(const Image& image, Preparation preparation, int size, float* out);

}  // namespace medisyn
