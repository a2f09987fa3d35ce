// A small matrix times a packed one, for the AVX-512 files. Rows of A are read element by element (bf16: pair
// by pair) and multiplied with whole vectors of B, which lies in panels of a few vectors:
//   B [depth, columns] -> [panel][depth / step][vectors of the panel][16 columns][step], step 1 (bf16: 2)
#pragma once

#include "avx512.h"

namespace medisyn::cpu {
namespace {

struct Fp32 {
  using Type = float;
  static constexpr Size kStep = 1;
  static __m512 spread(const Type* a) { return _mm512_set1_ps(*a); }
  static __m512 load(const Type* b) { return _mm512_loadu_ps(b); }
  static __m512 add_product(__m512 sum, __m512 a, __m512 b) { return _mm512_fmadd_ps(a, b, sum); }
  static __m256 add_product(__m256 sum, __m512 a, const Type* b) {
    return _mm256_fmadd_ps(_mm512_castps512_ps256(a), _mm256_loadu_ps(b), sum);
  }
};

struct Bf16 {
  using Type = std::uint16_t;
  static constexpr Size kStep = 2;
  static __m512i spread(const Type* a) {
    int pair;
    __builtin_memcpy(&pair, a, sizeof pair);
    return _mm512_set1_epi32(pair);
  }
  static __m512i load(const Type* b) { return _mm512_loadu_si512(b); }
  static __m512 add_product(__m512 sum, __m512i a, __m512i b) {
    return _mm512_dpbf16_ps(sum, (__m512bh)a, (__m512bh)b);
  }
  static __m256 add_product(__m256 sum, __m512i a, const Type* b) {
    return _mm256_dpbf16_ps(sum, (__m256bh)_mm512_castsi512_si256(a),
                            (__m256bh)_mm256_loadu_si256(reinterpret_cast<const __m256i*>(b)));
  }
};

/// C [Rows, (Full + Half) vectors] = A B, or C += A B. Half: a last vector of which 8 columns matter.
template <class T, int Rows, int Full, bool Half>
void multiply_rows(const typename T::Type* a, Size a_stride, const typename T::Type* b, Size steps, float* c,
                   Size c_stride, bool is_sum) {
  constexpr Size kVectors = Full + Half;
  constexpr Size kVector = kLanes * T::kStep;
  __m512 sums[Rows][Full > 0 ? Full : 1];
  __m256 halves[Rows];
#pragma GCC unroll 8
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 8
    for (int v = 0; v < Full; ++v) {
      sums[row][v] = is_sum ? _mm512_loadu_ps(c + row * c_stride + v * kLanes) : _mm512_setzero_ps();
    }
    halves[row] = Half && is_sum ? _mm256_loadu_ps(c + row * c_stride + Full * kLanes) : _mm256_setzero_ps();
  }
  for (Size step = 0; step < steps; ++step, a += T::kStep, b += kVectors * kVector) {
    decltype(T::load(b)) vectors[Full > 0 ? Full : 1];
#pragma GCC unroll 8
    for (int v = 0; v < Full; ++v) {
      vectors[v] = T::load(b + v * kVector);
    }
#pragma GCC unroll 8
    for (int row = 0; row < Rows; ++row) {
      const auto element = T::spread(a + row * a_stride);
#pragma GCC unroll 8
      for (int v = 0; v < Full; ++v) {
        sums[row][v] = T::add_product(sums[row][v], element, vectors[v]);
      }
      if constexpr (Half) {
        halves[row] = T::add_product(halves[row], element, b + Full * kVector);
      }
    }
  }
#pragma GCC unroll 8
  for (int row = 0; row < Rows; ++row) {
#pragma GCC unroll 8
    for (int v = 0; v < Full; ++v) {
      _mm512_storeu_ps(c + row * c_stride + v * kLanes, sums[row][v]);
    }
    if constexpr (Half) {
      _mm256_storeu_ps(c + row * c_stride + Full * kLanes, halves[row]);
    }
  }
}

/// The same for all rows, a multiple of 8.
template <class T, int Full, bool Half>
void multiply(const typename T::Type* a, Size a_stride, const typename T::Type* b, Size steps, float* c,
              Size c_stride, Size rows, bool is_sum) {
  constexpr int kRows = Full + Half <= 3 ? 8 : 4;
  for (Size row = 0; row < rows; row += kRows) {
    multiply_rows<T, kRows, Full, Half>(a + row * a_stride, a_stride, b, steps, c + row * c_stride, c_stride,
                                        is_sum);
  }
}

template <class T>
using Multiply = void (*)(const typename T::Type*, Size, const typename T::Type*, Size, float*, Size, Size,
                          bool);

template <class T>
Multiply<T> multiply_of(Size vectors, bool is_half) {
  static constexpr Multiply<T> kWhole[] = {multiply<T, 1, false>, multiply<T, 2, false>,
                                           multiply<T, 3, false>, multiply<T, 4, false>,
                                           multiply<T, 5, false>};
  static constexpr Multiply<T> kHalf[] = {multiply<T, 0, true>, multiply<T, 1, true>, multiply<T, 2, true>,
                                          multiply<T, 3, true>, multiply<T, 4, true>};
  return (is_half ? kHalf : kWhole)[vectors - 1];
}

}  // namespace
}  // namespace medisyn::cpu
