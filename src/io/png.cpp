// PNG writer on zlib: OpenCV's cannot write text chunks, and fixed settings here keep the bytes the same.
#include <zlib.h>

#include <algorithm>
#include <cstdlib>

#include "medisyn/core/error.h"
#include "medisyn/io/image.h"

namespace medisyn {
namespace {

void append_u32(std::string& bytes, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    bytes += static_cast<char>(value >> shift & 0xFFU);
  }
}

void append_chunk(std::string& png, std::string_view type, std::string_view data) {
  append_u32(png, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = png.size();
  png.append(type).append(data);
  const auto* checked = reinterpret_cast<const Bytef*>(png.data() + begin);
  append_u32(png, static_cast<std::uint32_t>(crc32(0, checked, static_cast<uInt>(png.size() - begin))));
}

std::uint8_t paeth(int left, int above, int above_left) {
  const int guess = left + above - above_left;
  const int to_left = std::abs(guess - left);
  const int to_above = std::abs(guess - above);
  const int to_above_left = std::abs(guess - above_left);
  if (to_left <= to_above && to_left <= to_above_left) {
    return static_cast<std::uint8_t>(left);
  }
  return static_cast<std::uint8_t>(to_above <= to_above_left ? above : above_left);
}

/// One row under one of the five filters of the PNG specification; `above` may be null (first row).
void filter_row(int filter, const std::uint8_t* row, const std::uint8_t* above, std::size_t size,
                std::vector<std::uint8_t>& out) {
  out.resize(size);
  for (std::size_t i = 0; i < size; ++i) {
    const int left = i < 3 ? 0 : row[i - 3];
    const int up = above == nullptr ? 0 : above[i];
    const int up_left = above == nullptr || i < 3 ? 0 : above[i - 3];
    const int predicted[] = {0, left, up, (left + up) / 2, paeth(left, up, up_left)};
    out[i] = static_cast<std::uint8_t>(row[i] - predicted[filter]);
  }
}

/// The specification's heuristic: the filter with the smallest sum of absolute differences.
std::string filtered_rows(const Image& image) {
  const std::size_t stride = static_cast<std::size_t>(image.width) * 3;
  std::string rows;
  rows.reserve((stride + 1) * static_cast<std::size_t>(image.height));
  std::vector<std::uint8_t> best;
  std::vector<std::uint8_t> tried;
  for (int y = 0; y < image.height; ++y) {
    const std::uint8_t* row = image.pixels.data() + static_cast<std::size_t>(y) * stride;
    std::int64_t best_sum = -1;
    char best_filter = 0;
    for (int filter = 0; filter < 5; ++filter) {
      filter_row(filter, row, y == 0 ? nullptr : row - stride, stride, tried);
      std::int64_t sum = 0;
      for (const std::uint8_t value : tried) {
        sum += std::abs(static_cast<std::int8_t>(value));
      }
      if (best_sum < 0 || sum < best_sum) {
        best_sum = sum;
        best_filter = static_cast<char>(filter);
        best.swap(tried);
      }
    }
    rows += best_filter;
    rows.append(reinterpret_cast<const char*>(best.data()), best.size());
  }
  return rows;
}

std::string deflated(const std::string& bytes) {
  uLongf size = compressBound(bytes.size());
  std::string packed(size, '\0');
  constexpr int kLevel = 6;
  const int status = compress2(reinterpret_cast<Bytef*>(packed.data()), &size,
                               reinterpret_cast<const Bytef*>(bytes.data()), bytes.size(), kLevel);
  if (status != Z_OK) {
    fail("zlib cannot compress a picture (status {})", status);
  }
  packed.resize(size);
  return packed;
}

void append_text(std::string& png, const std::string& key, const std::string& value) {
  const bool is_key = !key.empty() && key.size() <= 79 &&
                      std::all_of(key.begin(), key.end(), [](char c) { return c >= ' ' && c <= '~'; });
  if (!is_key) {
    fail("PNG text: expected a key of 1 to 79 printable ASCII characters, found {:?}", key);
  }
  const bool is_ascii =
      std::all_of(value.begin(), value.end(), [](char c) { return static_cast<unsigned char>(c) < 0x80; });
  // iTXt is UTF-8: key, 0, not compressed, method 0, no language, no translated key.
  const std::string separator = is_ascii ? std::string(1, '\0') : std::string(5, '\0');
  append_chunk(png, is_ascii ? "tEXt" : "iTXt", key + separator + value);
}

}  // namespace

std::string encode_png(const Image& image, const std::map<std::string, std::string>& text) {
  const auto expected = static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width) * 3;
  if (image.height <= 0 || image.width <= 0 || image.pixels.size() != expected) {
    fail("PNG: expected {} x {} x 3 bytes, found {}", image.height, image.width, image.pixels.size());
  }
  std::string png = "\x89PNG\r\n\x1a\n";
  std::string header;
  append_u32(header, static_cast<std::uint32_t>(image.width));
  append_u32(header, static_cast<std::uint32_t>(image.height));
  header += std::string("\x08\x02\x00\x00\x00", 5);  // 8 bit, RGB, deflate, filter method 0, not interlaced
  append_chunk(png, "IHDR", header);
  for (const auto& [key, value] : text) {
    append_text(png, key, value);
  }
  append_chunk(png, "IDAT", deflated(filtered_rows(image)));
  append_chunk(png, "IEND", "");
  return png;
}

}  // namespace medisyn
