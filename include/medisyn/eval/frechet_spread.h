// How far a Frechet distance can be trusted: what it would be with infinitely many generated images, and how
// much it would move with another draw of as many.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

#include "medisyn/eval/fid.h"

namespace medisyn {

/// The distance at 1/N = 0 on the straight line, by least squares, through distances at several N.
/// Source: Chong & Forsyth, 2020, https://arxiv.org/abs/1911.07023, whose N go from 5,000 to all.
struct InfiniteFrechet {
  double distance = 0;              ///< a guess: it may be below 0
  std::vector<std::int64_t> sizes;  ///< N, from min(5,000, half of the images) to all, equally spaced
  std::vector<double> distances;    ///< of the first N images in one random order
};

/// Seeded. generated [M, D], M of at least 4; at least 2 points. The real side stays whole: what it lacks in
/// images is no part of the extrapolation.
InfiniteFrechet frechet_at_infinity(const FrechetFrom& real, const torch::Tensor& generated,
                                    std::int64_t points, std::uint64_t seed);

/// The distance's standard error, and the 95 % interval that follows: distance +- 1.96 times it.
struct FrechetInterval {
  std::int64_t resamples = 0;
  double std = 0;
  double low = 0;
  double high = 0;
};

/// By the bootstrap: the spread of the distances of seeded draws, with replacement, of as many images. Their
/// level is not used: repeated images make it too high. Both sides are drawn, or the generated one alone
/// where `real` is undefined: then the real side, `whole_real`, is a file of statistics.
FrechetInterval frechet_interval(double distance, const torch::Tensor& real, const FrechetFrom& whole_real,
                                 const torch::Tensor& generated, std::int64_t resamples, std::uint64_t seed);

}  // namespace medisyn
