// A few rows times a panel of a packed weight, with the sums in registers. Local to the file that includes
// it, like avx512.h.
#pragma once

#include "avx512.h"
#include "medisyn/nn/cpu_product_kernel.h"

namespace medisyn::cpu {
namespace {

constexpr Size kRows = 6;     // 6 x 4 sums leave registers for the panel's 4 vectors and for the row's value
constexpr Size kVectors = 4;  // of a panel

/// Inputs that one instruction multiplies: two of bf16.
template <class Type>
constexpr Size kPair = sizeof(float) / sizeof(Type);

template <int N>
struct Count {
  static constexpr int value = N;
};

/// function(Count<n>) for n = 1 ... Most
template <int Most, class Function>
__attribute__((always_inline)) inline void with_count(Size n, Function function) {
  if constexpr (Most > 0) {
    if (n == Most) {
      function(Count<Most>{});
    } else {
      with_count<Most - 1>(n, function);
    }
  }
}

inline Size vectors_of(const PackedShape& shape, Size panel) {
  return smaller(kVectors, divide_up(shape.out, kLanes) - panel * kVectors);
}

/// Where a panel begins. All but the last are whole.
inline Size panel_offset(const PackedShape& shape, Size panel) {
  return panel * kVectors * kLanes * shape.taps * shape.in;
}

/// Calls put(input, column, where) for every weight of a panel's taps: `where` it lies from its tap's start.
template <class Type, class Put>
void for_each_weight(const PackedShape& shape, Size panel, Put put) {
  const Size columns = vectors_of(shape, panel) * kLanes;
  const Size first = panel * kVectors * kLanes;
  for (Size input = 0; input < shape.in; ++input) {
    for (Size column = 0; column < columns; ++column) {
      put(input, first + column,
          (input / kPair<Type> * columns + column) * kPair<Type> + input % kPair<Type>);
    }
  }
}

__attribute__((always_inline)) inline __m512 multiply_add(const float* row, const float* column, __m512 sum) {
  return _mm512_fmadd_ps(_mm512_set1_ps(*row), _mm512_loadu_ps(column), sum);
}
__attribute__((always_inline)) inline __m512 multiply_add(const std::uint16_t* row,
                                                          const std::uint16_t* column, __m512 sum) {
  int pair;
  __builtin_memcpy(&pair, row, sizeof(pair));
  return _mm512_dpbf16_ps(sum, (__m512bh)_mm512_set1_epi32(pair), (__m512bh)_mm512_loadu_si512(column));
}

/// sums += rows [Rows, in] times in [in, 16 Vectors]
template <class Type, int Rows, int Vectors>
__attribute__((always_inline)) inline void accumulate(__m512 (&sums)[Rows][Vectors],
                                                      const Type* const (&rows)[kRows], const Type* panel,
                                                      Size in) {
  for (Size k = 0; k < in; k += kPair<Type>) {
#pragma GCC unroll 6
    for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 4
      for (int vector = 0; vector < Vectors; ++vector) {
        sums[row][vector] = multiply_add(rows[row] + k, panel + (k * Vectors + vector * kPair<Type>)*kLanes,
                                         sums[row][vector]);
      }
    }
  }
}

}  // namespace
}  // namespace medisyn::cpu
