// What is left of a picture when it is re-encoded, resized or made brighter: 64 bits and a small grey
// picture.
//
//   [H, W, 3] -> luma -> 32 x 32 (mean of areas) -> DCT-II -> the 8 x 8 lowest frequencies but the mean
//             -> each against their median: bits
//             -> 16 x 16: thumbnail, which tells apart what 64 bits confuse
//
// The bits are those of pHash (Zauner, Implementation and Benchmarking of Perceptual Image Hash Functions,
// 2010, section 3.2.1): rows and columns 1..8 of the coefficients, so that no bit depends on brightness or
// contrast.
#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "medisyn/io/image.h"

namespace medisyn {

struct PerceptualHash {
  static constexpr int kThumbnailPixels = 16;  ///< a side

  std::uint64_t bits = 0;
  std::array<std::uint8_t, kThumbnailPixels * kThumbnailPixels> thumbnail{};  ///< rows of grey values

  bool operator==(const PerceptualHash&) const = default;

  /// Base64 of the bits (big-endian) and the thumbnail: 352 characters.
  std::string text() const;
  /// Error for anything that text() does not write.
  static PerceptualHash from_text(const std::string& text);
};

/// Error for a picture without pixels.
PerceptualHash perceptual_hash(const Image& image);

/// Bits that differ, 0..64.
int hash_distance(const PerceptualHash& a, const PerceptualHash& b);

/// Pearson's correlation of the thumbnails, -1..1: brightness and contrast do not count. 0 when one of them
/// is of one colour.
double thumbnail_correlation(const PerceptualHash& a, const PerceptualHash& b);

/// Whether two thumbnails show the same: a correlation of at least `min_correlation`, or one of at least 0.8
/// where what is left of a linear fit is no more than strong compression leaves, 2.5 grey values (in a
/// picture of little contrast, JPEG at quality 50 alone brings the correlation down to 0.84).
bool are_alike(const PerceptualHash& a, const PerceptualHash& b, double min_correlation);

/// Standard deviation of the thumbnail's grey values, 0..127.5.
double thumbnail_deviation(const PerceptualHash& hash);

}  // namespace medisyn
