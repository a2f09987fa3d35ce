// Exact nearest neighbours by cosine similarity, in blocks.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace medisyn {

struct Neighbours {
  torch::Tensor indices;     ///< [N, k] int64, nearest first
  torch::Tensor similarity;  ///< [N, k] fp32
};

/// The k nearest of `references` [M, D] for each of `queries` [N, D]. Memory is that of a block of 1,024 x
/// 65,536 scores. k must be at most M.
Neighbours nearest_by_cosine(const torch::Tensor& queries, const torch::Tensor& references, std::int64_t k);

}  // namespace medisyn
