// The inner loops of MS-SSIM: what is blurred for one image, and for a pair of them.
//
// Values are pixels less kCentre. A variance is a difference of squares, and in single precision that of a
// flat image is rounding alone, which costs 2e-4 of the score: blurs are summed in double precision, and what
// is kept of an image is rounded once, from values near 0.
#pragma once

#include <cstdint>

namespace medisyn::ms_ssim_kernels {

inline constexpr std::int64_t kTaps = 11;         ///< of the Gaussian
inline constexpr std::int64_t kLost = kTaps - 1;  ///< rows and columns that a blur without padding takes away
inline constexpr double kRange = 255;
inline constexpr float kCentre = 128;

/// Values at one scale: a plane [H, W] and its blurred moments, [H - 10, W - 10] each.
struct Plane {
  const float* values;
  const float* mean;
  const float* variance;
};

/// values [H, W] -> mean, variance
void blur_moments(const float* values, std::int64_t height, std::int64_t width, float* mean, float* variance);

/// The mean over two planes of the contrast-structure factor, times the luminance factor where it is asked
/// for.
double mean_similarity(const Plane& a, const Plane& b, std::int64_t height, std::int64_t width,
                       bool with_luminance);

}  // namespace medisyn::ms_ssim_kernels
