// The two passes of a resize, each a weighted sum with PIL's fixed-point weights.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace medisyn {

// 8 bits of pixel, 2 of head room for the kernel's overshoot, the rest of an int32 for weights.
inline constexpr int kPrecisionBits = 32 - 8 - 2;
inline constexpr std::int32_t kHalf = 1 << (kPrecisionBits - 1);

/// The input samples that make each output sample along one axis, and their weights.
struct Taps {
  /// PIL's bicubic kernel (Keys, a = -0.5), widened when shrinking: output samples begin to end of
  /// `out_size`.
  Taps(int in_size, int out_size, int begin, int end);

  struct Output {
    std::size_t first = 0;  ///< input sample
    std::size_t count = 0;
  };
  const std::int32_t* weights_of(std::size_t output) const { return weights.data() + output * stride; }
  std::size_t first_input() const { return outputs.front().first; }
  std::size_t end_input() const { return outputs.back().first + outputs.back().count; }

  std::vector<Output> outputs;
  std::size_t stride = 0;  ///< weights kept for each output
  std::vector<std::int32_t> weights;
};

/// Rows of bytes inside a larger picture.
struct Rows {
  const std::uint8_t* first = nullptr;
  std::size_t stride = 0;  ///< bytes from row to row
  std::size_t count = 0;
};

/// Along each row of RGB: [rows, in, 3] -> [rows, taps.outputs, 3] at `out`.
void resize_along_rows(const Rows& rows, const Taps& taps, std::uint8_t* out);

/// Down the columns, bytes 0 to `width` of each row -> [taps.outputs, width] at `out`. The first of `rows` is
/// input sample taps.first_input().
void resize_down_columns(const Rows& rows, std::size_t width, const Taps& taps, std::uint8_t* out);

/// What the two do on machines without AVX2.
void resize_along_rows_plainly(const Rows& rows, const Taps& taps, std::uint8_t* out);
void resize_down_columns_plainly(const Rows& rows, std::size_t width, const Taps& taps, std::uint8_t* out);

/// The same bytes by AVX2: false, and nothing done, where the machine has none.
bool resize_along_rows_avx2(const Rows& rows, const Taps& taps, std::uint8_t* out);
bool resize_down_columns_avx2(const Rows& rows, std::size_t width, const Taps& taps, std::uint8_t* out);

}  // namespace medisyn
