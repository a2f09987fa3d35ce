#include "medisyn/nn/cpu_plain_product_kernel.h"

#include "avx512.h"
#include "product_tile.h"

namespace medisyn::cpu {
namespace {

constexpr Size kMostTaskRows = 96;  // a multiple of kRows
constexpr Size kTasks = 16;         // a small product is cut into about so many
constexpr Size kDepthAtOnce = 64;   // summed from zero, for the sake of precision, and then added to the rest

/// Writes the products of the first part of the depth, or adds those of a later one.
template <int Rows, int Vectors>
void multiply_tile(const PlainProduct& product, Size row, Size column, Size first, Size depth) {
  __m512 sums[Rows][Vectors] = {};
  const float* left = product.left + row * product.left_row + first * product.left_step;
  const float* right = product.right + first * product.right_step + column;
  for (Size k = 0; k < depth; ++k, left += product.left_step, right += product.right_step) {
#pragma GCC unroll 6
    for (int i = 0; i < Rows; ++i) {
#pragma GCC unroll 4
      for (int v = 0; v < Vectors; ++v) {
        sums[i][v] = multiply_add(left + i * product.left_row, right + v * kLanes, sums[i][v]);
      }
    }
  }
  const float* bias = product.bias == nullptr ? nullptr : product.bias + column;
  for (int i = 0; i < Rows; ++i) {
    float* out = product.out + (row + i) * product.out_row + column;
    const float* before = first == 0 ? bias : out;
    for (int v = 0; v < Vectors; ++v) {
      const __m512 rest = before == nullptr ? _mm512_setzero_ps() : _mm512_loadu_ps(before + v * kLanes);
      _mm512_storeu_ps(out + v * kLanes, _mm512_add_ps(rest, sums[i][v]));
    }
  }
}

Size column_panels(const PlainProduct& product) { return divide_up(product.columns, kVectors * kLanes); }

Size task_rows(const PlainProduct& product) {
  return smaller(kMostTaskRows, round_up(divide_up(product.rows * column_panels(product), kTasks), kRows));
}

}  // namespace

Size plain_product_tasks(const PlainProduct& product) {
  return divide_up(product.rows, task_rows(product)) * column_panels(product);
}

void multiply_plain(const PlainProduct& product, Size task) {
  const Size column = task % column_panels(product) * kVectors * kLanes;
  const Size begin = task / column_panels(product) * task_rows(product);
  const Size end = smaller(product.rows, begin + task_rows(product));
  with_count<kVectors>(smaller(kVectors, (product.columns - column) / kLanes),
                       [&]<int Vectors>(Count<Vectors>) {
                         for (Size first = 0; first < product.depth; first += kDepthAtOnce) {
                           const Size depth = smaller(kDepthAtOnce, product.depth - first);
                           for (Size row = begin; row < end; row += kRows) {
                             with_count<kRows>(smaller(kRows, end - row), [&]<int Rows>(Count<Rows>) {
                               multiply_tile<Rows, Vectors>(product, row, column, first, depth);
                             });
                           }
                         }
                       });
}

}  // namespace medisyn::cpu
