// The passes of a resize for AVX2: eight bytes under one weight at a time. The sums are the same integers.
#include <algorithm>
#include <array>
#include <cstring>

#include "resize_passes.h"

#ifdef __x86_64__
#include <immintrin.h>

namespace medisyn {
namespace {

constexpr std::size_t kLanes = 8;  // int32 in a vector

struct EightRows {
  __m128i part[8];  // NOLINT: std::array drops the alignment
};

/// Sixteen bytes of eight rows as one row of 128 bytes, whose places are numbers of seven bits: rotates these
/// by one to the left. Three times brings byte i of row r from 16 r + i to 8 i + r, four times brings it
/// back.
[[gnu::target("avx2"), gnu::always_inline]] inline void rotate_places(EightRows& rows) {
  EightRows turned;
  for (std::size_t k = 0; k < 4; ++k) {
    turned.part[2 * k] = _mm_unpacklo_epi8(rows.part[k], rows.part[k + 4]);
    turned.part[2 * k + 1] = _mm_unpackhi_epi8(rows.part[k], rows.part[k + 4]);
  }
  rows = turned;
}

using RowPointers = std::array<const std::uint8_t*, 8>;

/// Eight rows of `count` bytes -> [count, 8].
[[gnu::target("avx2")]] void interleave(const RowPointers& rows, std::size_t count, std::uint8_t* out) {
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    EightRows eight;
    for (std::size_t r = 0; r < 8; ++r) {
      std::memcpy(&eight.part[r], rows[r] + i, 16);
    }
    rotate_places(eight);
    rotate_places(eight);
    rotate_places(eight);
    std::memcpy(out + 8 * i, &eight, 128);
  }
  for (; i < count; ++i) {
    for (std::size_t r = 0; r < 8; ++r) {
      out[8 * i + r] = rows[r][i];
    }
  }
}

/// [count, 8] -> the first `rows` rows of `count` bytes.
[[gnu::target("avx2")]] void separate(const std::uint8_t* in, std::size_t count, std::size_t rows,
                                      std::uint8_t* out) {
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    EightRows eight;
    std::memcpy(&eight, in + 8 * i, 128);
    for (int turns = 0; turns < 4; ++turns) {
      rotate_places(eight);
    }
    for (std::size_t r = 0; r < rows; ++r) {
      std::memcpy(out + r * count + i, &eight.part[r], 16);
    }
  }
  for (; i < count; ++i) {
    for (std::size_t r = 0; r < rows; ++r) {
      out[r * count + i] = in[8 * i + r];
    }
  }
}

[[gnu::target("avx2"), gnu::always_inline]] inline __m256i weighted(const std::uint8_t* bytes,
                                                                    __m256i weight) {
  const __m128i eight = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(bytes));
  return _mm256_mullo_epi32(_mm256_cvtepu8_epi32(eight), weight);
}

/// Fixed point with kHalf in it to bytes, clamped to 0..255 by saturation.
[[gnu::target("avx2"), gnu::always_inline]] inline void store_rounded(__m256i sums, std::uint8_t* to) {
  const __m256i whole = _mm256_srai_epi32(sums, kPrecisionBits);
  const __m128i words = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), _mm_packus_epi16(words, words));
}

/// [in, 3, 8 rows] -> [taps.outputs, 3, 8 rows]; `block` begins with input sample taps.first_input().
[[gnu::target("avx2")]] void along_eight_rows(const std::uint8_t* block, const Taps& taps,
                                              std::uint8_t* out) {
  for (std::size_t x = 0; x < taps.outputs.size(); ++x) {
    const std::uint8_t* pixel = block + (taps.outputs[x].first - taps.first_input()) * 3 * kLanes;
    __m256i red = _mm256_set1_epi32(kHalf);
    __m256i green = red;
    __m256i blue = red;
    const std::int32_t* weights = taps.weights_of(x);
    for (std::size_t t = 0; t < taps.outputs[x].count; ++t, pixel += 3 * kLanes) {
      const __m256i weight = _mm256_set1_epi32(weights[t]);
      red = _mm256_add_epi32(red, weighted(pixel, weight));
      green = _mm256_add_epi32(green, weighted(pixel + kLanes, weight));
      blue = _mm256_add_epi32(blue, weighted(pixel + 2 * kLanes, weight));
    }
    store_rounded(red, out);
    store_rounded(green, out + kLanes);
    store_rounded(blue, out + 2 * kLanes);
    out += 3 * kLanes;
  }
}

/// kVectors * 8 columns of the rows from `row` on.
template <std::size_t kVectors>
[[gnu::target("avx2"), gnu::always_inline]] inline void down(const std::uint8_t* row, std::size_t stride,
                                                             const std::int32_t* weights, std::size_t count,
                                                             std::uint8_t* out) {
  __m256i sums[kVectors];  // NOLINT: std::array drops the alignment
  std::fill_n(sums, kVectors, _mm256_set1_epi32(kHalf));
  for (std::size_t t = 0; t < count; ++t, row += stride) {
    const __m256i weight = _mm256_set1_epi32(weights[t]);
    for (std::size_t k = 0; k < kVectors; ++k) {
      sums[k] = _mm256_add_epi32(sums[k], weighted(row + kLanes * k, weight));
    }
  }
  for (std::size_t k = 0; k < kVectors; ++k) {
    store_rounded(sums[k], out + kLanes * k);
  }
}

[[gnu::target("avx2")]] void down_columns(const Rows& rows, std::size_t width, const Taps& taps,
                                          std::uint8_t* out) {
  constexpr std::size_t kVectors = 8;  // 64 bytes of a row: one line of the cache
  for (std::size_t y = 0; y < taps.outputs.size(); ++y, out += width) {
    const auto [first, count] = taps.outputs[y];
    const std::uint8_t* from = rows.first + (first - taps.first_input()) * rows.stride;
    const std::int32_t* weights = taps.weights_of(y);
    std::size_t i = 0;
    for (; i + kVectors * kLanes <= width; i += kVectors * kLanes) {
      down<kVectors>(from + i, rows.stride, weights, count, out + i);
    }
    for (; i + kLanes <= width; i += kLanes) {
      down<1>(from + i, rows.stride, weights, count, out + i);
    }
    for (; i < width; ++i) {
      std::int32_t sum = kHalf;
      for (std::size_t t = 0; t < count; ++t) {
        sum += weights[t] * from[t * rows.stride + i];
      }
      out[i] = static_cast<std::uint8_t>(std::clamp(sum >> kPrecisionBits, 0, 255));
    }
  }
}

const bool has_avx2 = __builtin_cpu_supports("avx2") != 0;

}  // namespace

bool resize_along_rows_avx2(const Rows& rows, const Taps& taps, std::uint8_t* out) {
  if (!has_avx2) {
    return false;
  }
  const std::size_t first = taps.first_input() * 3;
  const std::size_t in_bytes = taps.end_input() * 3 - first;
  const std::size_t out_bytes = taps.outputs.size() * 3;
  std::vector<std::uint8_t> block(in_bytes * 8);
  std::vector<std::uint8_t> resized(out_bytes * 8);
  for (std::size_t row = 0; row < rows.count; row += 8) {
    RowPointers pointers;
    for (std::size_t r = 0; r < 8; ++r) {
      pointers[r] = rows.first + std::min(row + r, rows.count - 1) * rows.stride + first;
    }
    interleave(pointers, in_bytes, block.data());
    along_eight_rows(block.data(), taps, resized.data());
    separate(resized.data(), out_bytes, std::min<std::size_t>(8, rows.count - row), out + row * out_bytes);
  }
  return true;
}

bool resize_down_columns_avx2(const Rows& rows, std::size_t width, const Taps& taps, std::uint8_t* out) {
  if (has_avx2) {
    down_columns(rows, width, taps, out);
  }
  return has_avx2;
}

}  // namespace medisyn

#else

namespace medisyn {

bool resize_along_rows_avx2(const Rows&, const Taps&, std::uint8_t*) { return false; }
bool resize_down_columns_avx2(const Rows&, std::size_t, const Taps&, std::uint8_t*) { return false; }

}  // namespace medisyn

#endif
