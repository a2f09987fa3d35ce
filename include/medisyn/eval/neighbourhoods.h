// Fidelity and diversity apart: which images lie in the neighbourhoods of the other side's.
// Sources: Kynkaanniemi et al., 2019, https://arxiv.org/abs/1904.06991 (precision, recall); Naeem et al.,
// 2020, https://arxiv.org/abs/2002.09797 (density, coverage).
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace medisyn {

/// An image's neighbourhood is the ball around its features that reaches to its k-th nearest neighbour on its
/// own side.
struct Neighbourhoods {
  double precision = 0;  ///< share of generated images in a real one's
  double recall = 0;     ///< share of real images in a generated one's
  double density = 0;    ///< how many real ones' a generated image is in, over k; may exceed 1
  double coverage = 0;   ///< share of real images in whose a generated one is
  std::int64_t k = 0;
};

/// Distances are Euclidean, in double, in blocks of 1,024 rows. A border belongs to the ball for precision
/// and recall, as in torch_fidelity, and not for density and coverage, as in prdc. real [N, D], generated
/// [M, D], k below N and M.
Neighbourhoods neighbourhoods(const torch::Tensor& real, const torch::Tensor& generated, std::int64_t k);

}  // namespace medisyn
