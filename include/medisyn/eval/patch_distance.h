// How far apart two pictures are in pixels, patch by patch: a copy is near everywhere, while pictures that
// share a dark background alone are not. Source: Carlini et al., 2023, https://arxiv.org/abs/2301.13188,
// section 4.2; the paper's equation 4.
#pragma once

#include "medisyn/io/image.h"

namespace medisyn {

inline constexpr int kPatchesAcross = 4;

/// The largest, over 4 x 4 patches, of sqrt(mean squared difference) of the patch's values in 0..1, all three
/// channels: 0 for equal pictures, 1 for black and white. Patches do not overlap and cover the picture: patch
/// i of 4 holds the rows from i H / 4 to (i + 1) H / 4, rounded down. Both of one size, 4 pixels at least.
double patch_distance(const Image& a, const Image& b);

/// How a picture is laid over another: flipped, then moved.
struct Placement {
  bool flip_horizontal = false;  ///< left and right change places
  bool flip_vertical = false;
  int down = 0,
      right = 0;  ///< pixel (y, x) of the one meets pixel (y + down, x + right) of the flipped other

  bool operator==(const Placement&) const = default;
};

struct PlacedDistance {
  double distance = 0;
  Placement placement = {};
};

/// The least patch distance over both flips and all shifts of up to `most_shift` pixels; of a shift, that of
/// the part where the pictures overlap. Equal placements: the first without flip and of the least shift.
/// Never more than patch_distance(a, b). Both of one size, most_shift + 4 pixels at least.
PlacedDistance least_patch_distance(const Image& a, const Image& b, int most_shift);

/// |a - b| by pixel and channel, b placed as said; where they do not overlap, black.
Image difference(const Image& a, const Image& b, const Placement& placement = {});

}  // namespace medisyn
