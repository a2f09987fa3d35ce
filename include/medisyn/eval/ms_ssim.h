// Multi-scale structural similarity (Wang, Simoncelli & Bovik, 2003) as pytorch-msssim defines it: 11-tap
// Gaussian of sigma 1.5 without padding, K1 = 0.01, K2 = 0.03, data range 255, RGB, halving by 2 x 2 means
// between scales, each factor's mean clamped at 0 per channel, then the mean over channels.
//
//   image ─ prepare ─ pixels, blurred mean and variance at every scale ─┐
//                                                                       ├─ blurred product ─ ms_ssim
//   image ─ prepare ─ pixels, blurred mean and variance at every scale ─┘
//
// What belongs to one image is computed once for all its pairs: a pair costs one blur of five.
#pragma once

#include <cstdint>
#include <vector>

#include "medisyn/io/image.h"

namespace medisyn {

/// One image at one scale: three planes [H, W], and their blurred moments, [H - 10, W - 10] each, as
/// ms_ssim_kernels.h has them.
struct MsSsimScale {
  std::int64_t height = 0;
  std::int64_t width = 0;
  std::vector<float> values = {};    ///< [3, H, W], pixels less 128
  std::vector<float> mean = {};      ///< [3, H - 10, W - 10]
  std::vector<float> variance = {};  ///< [3, H - 10, W - 10]
};

/// One image, largest scale first.
using MsSsimImage = std::vector<MsSsimScale>;

/// The least height and width for so many scales: 161 for five, 41 for three.
std::int64_t least_pixels(std::int64_t scales);

/// The first `scales` of 0.0448, 0.2856, 0.3001, 0.2363, 0.1333, renormalised to sum 1 (five sum to 1.0001
/// and stay as published).
std::vector<double> ms_ssim_weights(std::int64_t scales);

/// The part of an image alone. It must be of least_pixels(scales) or more.
MsSsimImage prepare_ms_ssim(const Image& image, std::int64_t scales);

/// About how many bytes the prepared form of such an image takes.
std::int64_t prepared_bytes(const Image& image);

/// 0..1; never NaN. Both of one size and one number of scales.
double ms_ssim(const MsSsimImage& a, const MsSsimImage& b);

}  // namespace medisyn
