#include "medisyn/features/similar_pairs.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <mutex>
#include <tuple>

#include "medisyn/nn/packed_weight.h"

namespace medisyn {
namespace {

constexpr std::int64_t kTile = 1024;     // rows and columns of a product: fast, and still in a core's cache
constexpr std::int64_t kRows = 16384;    // of a stripe at the left: what is read for it serves so many rows
constexpr std::int64_t kColumns = 8192;  // of a stripe at the top
constexpr std::int64_t kScanned = 64;    // scores that are looked at together
constexpr std::int64_t kLanes = 8;       // sums that run beside each other

/// Consecutive rows of unit length; zeros stay zeros.
struct Stripe {
  std::int64_t first = 0;
  torch::Tensor rows;  ///< [number, D] fp32

  std::int64_t end() const { return first + rows.size(0); }
  torch::Tensor tile(std::int64_t row) const {
    return rows.narrow(0, row - first, std::min(kTile, end() - row));
  }
};

double dot(const float* a, const float* b, std::int64_t width) {
  std::array<double, kLanes> sums{};
  std::int64_t i = 0;
  for (; i + kLanes <= width; i += kLanes) {
    for (std::int64_t lane = 0; lane < kLanes; ++lane) {
      sums[static_cast<std::size_t>(lane)] +=
          static_cast<double>(a[i + lane]) * static_cast<double>(b[i + lane]);
    }
  }
  for (; i < width; ++i) {
    sums[0] += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  }
  return ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
}

/// Whether all rows are finite.
bool make_unit_rows(const float* from, float* to, std::int64_t number, std::int64_t width) {
  std::atomic<bool> is_finite = true;
  at::parallel_for(0, number, /*grain_size=*/64, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t row = begin; row < end; ++row) {
      const float* values = from + row * width;
      const double length = std::sqrt(dot(values, values, width));
      if (!std::isfinite(length)) {
        is_finite = false;
      }
      const double factor = length > 0 ? 1 / length : 0;
      for (std::int64_t i = 0; i < width; ++i) {
        to[row * width + i] = static_cast<float>(static_cast<double>(values[i]) * factor);
      }
    }
  });
  return is_finite;
}

Stripe read_stripe(const RowSource& source, std::int64_t first, std::int64_t end) {
  const torch::Tensor rows = source.read(first, end - first).to(torch::kFloat).contiguous();
  TORCH_CHECK(rows.dim() == 2 && rows.size(0) == end - first && rows.size(1) == source.width, "rows ", first,
              " to ", end, " of width ", source.width, ": found ", rows.sizes());
  const torch::Tensor unit = torch::empty_like(rows);
  TORCH_CHECK(make_unit_rows(rows.const_data_ptr<float>(), unit.mutable_data_ptr<float>(), rows.size(0),
                             rows.size(1)),
              "rows ", first, " to ", end, " hold a number that is not finite");
  return {first, unit};
}

/// Columns of one row of scores that reach the threshold.
template <class Found>
void scan(const float* scores, std::int64_t begin, std::int64_t end, float least, Found found) {
  const auto one_by_one = [&](std::int64_t from, std::int64_t to) {
    for (std::int64_t column = from; column < to; ++column) {
      if (scores[column] >= least) {
        found(column);
      }
    }
  };
  for (; begin + kScanned <= end; begin += kScanned) {
    int any = 0;
    for (std::int64_t i = 0; i < kScanned; ++i) {
      any |= static_cast<int>(scores[begin + i] >= least);
    }
    if (any != 0) {
      one_by_one(begin, begin + kScanned);
    }
  }
  one_by_one(begin, end);
}

/// The columns of the tiles below one another, as the product takes them.
class Columns {
 public:
  explicit Columns(const torch::Tensor& rows) {
    for (const torch::Tensor& tile : rows.split(kTile)) {
      if (packing_fits(tile)) {
        packed_.push_back(pack_linear(tile));
      } else {
        plain_.push_back(tile.t());
      }
    }
  }

  /// [R, D] -> [R, columns of the tile]
  torch::Tensor product(const torch::Tensor& rows, std::int64_t tile) const {
    const auto i = static_cast<std::size_t>(tile);
    return packed_.empty() ? rows.mm(plain_[i]) : packed_linear(rows, packed_[i], {});
  }

 private:
  std::vector<PackedWeight> packed_;
  std::vector<torch::Tensor> plain_;  ///< where tiles cannot be packed
};

class Search {
 public:
  Search(std::int64_t width, double min_cosine, const TakePairs& take)
      : width_(width), min_cosine_(min_cosine), take_(take) {
    // A sum of D products in fp32 is off by at most D * 2^-24 times the sum of their sizes, here 1 (Higham,
    // Accuracy and Stability of Numerical Algorithms, 2002, section 3.1); twice that leaves room.
    least_score_ = static_cast<float>(min_cosine - static_cast<double>(width + 2) * std::ldexp(1.0, -23));
  }

  /// All tiles of two stripes that are above the diagonal.
  void compare(const Stripe& left, const Stripe& top) {
    std::vector<Corner> tiles;
    for (std::int64_t column = top.first; column < top.end(); column += kTile) {
      for (std::int64_t row = left.first; row < std::min(left.end(), column + kTile); row += kTile) {
        tiles.push_back({row, column});
      }
    }
    const Columns columns(top.rows);
    std::atomic<std::size_t> next = 0;
    at::parallel_for(0, at::get_num_threads(), /*grain_size=*/1, [&](std::int64_t, std::int64_t) {
      const torch::InferenceMode inference;
      for (std::size_t i = next++; i < tiles.size(); i = next++) {
        compare_tile(left, top, columns, tiles[i]);
      }
    });
  }

 private:
  struct Corner {
    std::int64_t row, column;
  };

  void compare_tile(const Stripe& left, const Stripe& top, const Columns& columns, const Corner& corner) {
    const torch::Tensor rows = left.tile(corner.row);
    const torch::Tensor others = top.tile(corner.column);
    const torch::Tensor scores = columns.product(rows, (corner.column - top.first) / kTile);  // [R, C]
    const auto* a = rows.const_data_ptr<float>();
    const auto* b = others.const_data_ptr<float>();
    const std::int64_t width = others.size(0);
    std::vector<SimilarPair> pairs;
    for (std::int64_t i = 0; i < rows.size(0); ++i) {
      const std::int64_t begin = std::clamp<std::int64_t>(corner.row + i + 1 - corner.column, 0, width);
      scan(scores.const_data_ptr<float>() + i * width, begin, width, least_score_, [&](std::int64_t j) {
        const double cosine = dot(a + i * width_, b + j * width_, width_);
        if (cosine >= min_cosine_) {
          pairs.push_back({corner.row + i, corner.column + j, cosine});
        }
      });
    }
    if (!pairs.empty()) {
      const std::scoped_lock lock(mutex_);
      take_(pairs);
    }
  }

  std::int64_t width_;
  double min_cosine_;
  float least_score_;
  const TakePairs& take_;
  std::mutex mutex_;
};

/// The share of the products above the diagonal of N rows that is made when the rows before `row` are
/// through, and those from `row` to `left_end` with all columns before `end`.
double share_done(std::int64_t rows, std::int64_t row, std::int64_t left_end, std::int64_t end) {
  const auto all = static_cast<double>(rows);
  const auto before = static_cast<double>(row);
  const auto height = static_cast<double>(std::min(left_end, end) - row);
  const auto width = static_cast<double>(end - row);
  return (before * (2 * all - before) + height * (2 * width - height)) / (all * all);
}

}  // namespace

void find_similar_pairs(const RowSource& rows, double min_cosine, const TakePairs& take,
                        const WatchPairs& watch) {
  TORCH_CHECK(min_cosine > 0 && min_cosine <= 1, "min_cosine = ", min_cosine);
  const torch::InferenceMode inference;
  Search search(rows.width, min_cosine, take);
  for (std::int64_t row = 0; row < rows.count; row += kRows) {
    const Stripe left = read_stripe(rows, row, std::min(row + kRows, rows.count));
    for (std::int64_t column = row; column < rows.count; column += kColumns) {
      const std::int64_t end = std::min(column + kColumns, rows.count);
      search.compare(left, read_stripe(rows, column, end));
      if (watch && !watch(share_done(rows.count, row, left.end(), end))) {
        return;
      }
    }
  }
}

RowSource row_source(const torch::Tensor& rows) {
  TORCH_CHECK(rows.dim() == 2, "expected rows [N, D], found ", rows.sizes());
  return {rows.size(0), rows.size(1),
          [rows](std::int64_t first, std::int64_t number) { return rows.narrow(0, first, number); }};
}

std::vector<SimilarPair> similar_pairs(const torch::Tensor& rows, double min_cosine) {
  std::vector<SimilarPair> pairs;
  find_similar_pairs(row_source(rows), min_cosine, [&](std::span<const SimilarPair> found) {
    pairs.insert(pairs.end(), found.begin(), found.end());
  });
  std::sort(pairs.begin(), pairs.end(), [](const SimilarPair& x, const SimilarPair& y) {
    return std::tie(x.a, x.b) < std::tie(y.a, y.b);
  });
  return pairs;
}

}  // namespace medisyn
