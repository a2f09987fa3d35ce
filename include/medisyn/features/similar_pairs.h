// All pairs of rows whose cosine is at least a threshold, exactly, in blocks.
//
//   rows -> unit length -> stripes -> tiles [1024, 1024] of products above the diagonal, on all threads
//        -> scores at the threshold, or below it by no more than rounding can do -> cosine in fp64 -> pairs
//
// Time is that of the matrix products, N * N * D operations (scripts/bench_neighbours.sh).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace medisyn {

struct SimilarPair {
  std::int64_t a = 0, b = 0;  ///< numbers of rows, a < b
  double cosine = 0;

  bool operator==(const SimilarPair&) const = default;
};

/// Rows [N, D] that need not be in memory all at once.
struct RowSource {
  std::int64_t count = 0;  ///< N
  std::int64_t width = 0;  ///< D
  /// Rows first .. first + number - 1: [number, D] of any float type on the CPU. The stripes to the right of
  /// a stripe are read again for each of them, N / 16,384 times on the whole.
  std::function<torch::Tensor(std::int64_t first, std::int64_t number)> read;
};

/// Gets a few pairs at a time, in no fixed order, never twice at once.
using TakePairs = std::function<void(std::span<const SimilarPair>)>;

/// Asked between stripes with the share of the products that are made, 0..1; false ends the search.
using WatchPairs = std::function<bool(double share_done)>;

/// The set of pairs is that of the cosines in fp64 of the rows, whose unit vectors are rounded to fp32; it
/// depends on neither threads nor blocks. A row of zeros is like no other. Memory: two stripes of at most
/// 16,384 rows in fp32, and a tile with its pairs for each thread. 0 < min_cosine <= 1; rows must be finite.
void find_similar_pairs(const RowSource& rows, double min_cosine, const TakePairs& take,
                        const WatchPairs& watch = {});

/// The same for [N, D] in memory: pairs sorted by a, then b. They may be N * N / 2, at 24 bytes.
std::vector<SimilarPair> similar_pairs(const torch::Tensor& rows, double min_cosine);

/// The rows of a tensor in memory.
RowSource row_source(const torch::Tensor& rows);

}  // namespace medisyn
