#include "medisyn/eval/reader_study/stored_png.h"

#include <zlib.h>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr std::string_view kSignature = "\x89PNG\r\n\x1a\n";
constexpr std::size_t kColours = 3;

void append_u32(std::string& bytes, std::uint32_t value) {
  for (const unsigned shift : {24U, 16U, 8U, 0U}) {
    bytes += static_cast<char>(value >> shift & 0xFFU);
  }
}

std::uint32_t read_u32(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes.substr(0, 4)) {
    value = value << 8U | static_cast<unsigned char>(byte);
  }
  return value;
}

void append_chunk(std::string& png, std::string_view type, std::string_view data) {
  append_u32(png, static_cast<std::uint32_t>(data.size()));
  const std::size_t begin = png.size();
  png.append(type).append(data);
  append_u32(png, static_cast<std::uint32_t>(crc32(0, reinterpret_cast<const Bytef*>(png.data()) + begin,
                                                   static_cast<uInt>(png.size() - begin))));
}

/// Rows of filter type 0 (none), each behind its type.
std::string plain_rows(const Image& image) {
  const std::size_t row_bytes = static_cast<std::size_t>(image.width) * kColours;
  std::string rows;
  for (std::size_t y = 0; y < static_cast<std::size_t>(image.height); ++y) {
    rows += '\0';
    rows.append(reinterpret_cast<const char*>(image.pixels.data()) + y * row_bytes, row_bytes);
  }
  return rows;
}

std::string stored(const std::string& bytes) {
  uLongf size = compressBound(static_cast<uLong>(bytes.size()));
  std::string out(size, '\0');
  if (compress2(reinterpret_cast<Bytef*>(out.data()), &size, reinterpret_cast<const Bytef*>(bytes.data()),
                static_cast<uLong>(bytes.size()), Z_NO_COMPRESSION) != Z_OK) {
    throw std::logic_error("zlib refuses to store a picture");
  }
  out.resize(size);
  return out;
}

}  // namespace

std::string encode_stored_png(const Image& image) {
  std::string header;
  append_u32(header, static_cast<std::uint32_t>(image.width));
  append_u32(header, static_cast<std::uint32_t>(image.height));
  header += std::string("\x08\x02\x00\x00\x00", 5);  // 8 bit, RGB, deflate, filter method 0, not interlaced
  std::string png(kSignature);
  append_chunk(png, "IHDR", header);
  append_chunk(png, "IDAT", stored(plain_rows(image)));
  append_chunk(png, "IEND", "");
  return png;
}

std::vector<PngChunk> png_chunks(std::string_view bytes, const std::string& name) {
  constexpr std::size_t kFrame = 12;  // length, type, checksum
  std::vector<PngChunk> chunks;
  std::size_t at = kSignature.size();
  bool is_whole = bytes.starts_with(kSignature);
  while (is_whole && at < bytes.size()) {
    is_whole = bytes.size() - at >= kFrame;
    if (is_whole) {
      chunks.push_back({std::string(bytes.substr(at + 4, 4)), read_u32(bytes.substr(at))});
      at += kFrame + chunks.back().bytes;
      is_whole = at <= bytes.size();
    }
  }
  if (!is_whole || chunks.empty() || chunks.back().type != "IEND") {
    fail("{}: expected a PNG file and nothing behind it", name);
  }
  return chunks;
}

}  // namespace medisyn
