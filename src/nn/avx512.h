// What the AVX-512 files share. Everything is local to the file that includes it, because one copy shared
// with the rest of the program would bring AVX-512 to machines without it.
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "medisyn/nn/cpu_attention_kernel.h"

namespace medisyn::cpu {
namespace {

using Size = std::int64_t;

constexpr Size kLanes = 16;  // floats in a vector

[[maybe_unused]] Size divide_up(Size a, Size b) { return (a + b - 1) / b; }
[[maybe_unused]] Size round_up(Size a, Size b) { return divide_up(a, b) * b; }
[[maybe_unused]] Size smaller(Size a, Size b) { return a < b ? a : b; }

/// Calls function(float) or function(std::uint16_t).
template <class Function>
void with_elements(Element element, Function function) {
  if (element == Element::kFloat) {
    function(float{});
  } else {
    function(std::uint16_t{});
  }
}

/// 16 elements in memory as floats; 0 for those that the mask leaves out.
[[maybe_unused]] __m512 read(const float* from, __mmask16 mask = 0xFFFF) {
  return _mm512_maskz_loadu_ps(mask, from);
}
[[maybe_unused]] __m512 read(const std::uint16_t* from, __mmask16 mask = 0xFFFF) {
  const __m256i halves = _mm256_maskz_loadu_epi16(mask, from);  // bf16 is the upper half of a float
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(halves), 16));
}

/// The elements of the mask, rounded to the nearest.
[[maybe_unused]] void write(float* to, __m512 x, __mmask16 mask = 0xFFFF) {
  _mm512_mask_storeu_ps(to, mask, x);
}
[[maybe_unused]] void write(std::uint16_t* to, __m512 x, __mmask16 mask = 0xFFFF) {
  _mm256_mask_storeu_epi16(to, mask, (__m256i)_mm512_cvtneps_pbh(x));
}

/// 2^x by the Taylor polynomial of 2^f, |f| <= 1/2; relative error 1.2e-7 with Degree 6, 4e-5 with 4.
/// 0 below -160, NaN for NaN (max and min give their second argument then), 2^127 from there on.
template <int Degree>
__m512 exp2(__m512 x) {
  constexpr float kTaylor[] = {1,
                               0.693147181F,
                               0.240226507F,
                               0.0555041087F,
                               0.009618129F,
                               0.00133335581F,
                               0.000154035304F};  // ln(2)^k / k!
  constexpr float kLowest = -160;
  constexpr float kHighest = 127;
  x = _mm512_min_ps(_mm512_set1_ps(kHighest), _mm512_max_ps(_mm512_set1_ps(kLowest), x));
  const __m512 whole = _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
  const __m512 f = _mm512_sub_ps(x, whole);
  __m512 power = _mm512_set1_ps(kTaylor[Degree]);
#pragma GCC unroll 8
  for (int k = Degree - 1; k >= 0; --k) {
    power = _mm512_fmadd_ps(power, f, _mm512_set1_ps(kTaylor[k]));
  }
  return _mm512_scalef_ps(power, whole);
}

constexpr float kLog2E = 1.44269504F;

}  // namespace
}  // namespace medisyn::cpu
