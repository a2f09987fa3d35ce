#include "dicom_codestream.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

std::size_t byte_at(std::string_view bytes, std::size_t at) {
  return at < bytes.size() ? static_cast<unsigned char>(bytes[at]) : 0;
}

std::size_t big16(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) << 8U | byte_at(bytes, at + 1);
}

std::size_t little32(std::string_view bytes, std::size_t at) {
  return byte_at(bytes, at) | byte_at(bytes, at + 1) << 8U | byte_at(bytes, at + 2) << 16U |
         byte_at(bytes, at + 3) << 24U;
}

/// SOF0 to SOF15 without DHT, JPG and DAC; and SOF55 of JPEG-LS.
bool is_frame_marker(std::size_t marker) {
  return (marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC) ||
         marker == 0xF7;
}

bool has_component_names(std::string_view frame, std::string_view names) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (byte_at(frame, 10 + 3 * i) != static_cast<unsigned char>(names[i])) {
      return false;
    }
  }
  return true;
}

/// The segments up to the first scan (ITU T.81, B.1.1.2); `bytes` begin at each with its marker.
JpegHeader read_header(std::string_view bytes) {
  JpegHeader header;
  std::size_t at = 2;
  while (at + 4 <= bytes.size()) {
    const std::size_t marker = byte_at(bytes, at + 1);
    if (byte_at(bytes, at) != 0xFF || marker == 0xFF || marker == 0 || (marker >= 0xD0 && marker <= 0xD8)) {
      ++at;  // what stands between segments is passed over, as the codecs do
      continue;
    }
    if (marker == 0xDA || marker == 0xD9) {
      break;
    }
    const std::string_view segment = bytes.substr(at);
    if (is_frame_marker(marker) && header.components == 0) {
      header.bits = static_cast<int>(byte_at(segment, 4));
      header.height = static_cast<int>(big16(segment, 5));
      header.width = static_cast<int>(big16(segment, 7));
      header.components = static_cast<int>(byte_at(segment, 9));
      header.is_rgb = has_component_names(segment, "RGB") || has_component_names(segment, "rgb");
    }
    header.is_ycc = header.is_ycc || (marker >= 0xE0 && marker <= 0xEF && segment.substr(4, 4) == "JFIF");
    at += 2 + std::max<std::size_t>(2, big16(segment, 2));
  }
  return header;
}

std::size_t scans(std::string_view bytes) {
  std::size_t count = 0;
  for (std::size_t at = bytes.find("\xFF\xDA"); at != std::string_view::npos;
       at = bytes.find("\xFF\xDA", at + 2)) {
    ++count;
  }
  return count;
}

/// How many bytes a PackBits segment unpacks to, `enough` at most.
std::size_t unpacked_size(std::string_view segment, std::size_t enough) {
  std::size_t size = 0;
  for (std::size_t at = 0; at < segment.size() && size < enough;) {
    const std::size_t head = byte_at(segment, at);
    const std::size_t literal = std::min(head + 1, segment.size() - at - 1);
    if (head < 128) {
      size += literal;
      at += 1 + literal;
    } else {  // 128, no operation in the standard, counts as 129 bytes in DCMTK; no encoder writes it
      size += at + 1 < segment.size() ? 257 - head : 0;
      at += 2;
    }
  }
  return std::min(size, enough);
}

}  // namespace

JpegHeader check_jpeg(std::string_view bytes, const PixelLayout& layout, const std::string& where) {
  if (!bytes.starts_with("\xFF\xD8")) {
    fail("{}: expected a JPEG stream, found {} bytes of something else", where, bytes.size());
  }
  const JpegHeader header = read_header(bytes);
  if (header.height != layout.height || header.width != layout.width || header.components != layout.samples) {
    fail("{}: expected a JPEG stream of {} x {} pixels of {} samples, found {} x {} of {}", where,
         layout.width, layout.height, layout.samples, header.width, header.height, header.components);
  }
  if (header.bits < 2 || header.bits > std::min(layout.bits_allocated, 16)) {
    fail("{}: expected a JPEG stream of 2 to {} bits, found {}", where, std::min(layout.bits_allocated, 16),
         header.bits);
  }
  constexpr std::size_t kMostScans = 100;  // a progressive file has about 10
  if (scans(bytes) > kMostScans) {
    fail("{}: expected a JPEG stream of at most {} scans, found {}", where, kMostScans, scans(bytes));
  }
  return header;
}

void check_rle(std::string_view bytes, const PixelLayout& layout, const std::string& where) {
  constexpr std::size_t kHeader = 64;  // the number of segments and 15 offsets
  const auto segments = static_cast<std::size_t>(layout.samples * layout.bits_allocated / 8);
  if (bytes.size() < kHeader || segments == 0 || segments > 15 || little32(bytes, 0) != segments) {
    fail("{}: expected run-length coded pixels in {} segments, found {} bytes that name {}", where, segments,
         bytes.size(), little32(bytes, 0));
  }
  for (std::size_t i = 0; i < segments; ++i) {
    const std::size_t begin = little32(bytes, 4 + 4 * i);
    const std::size_t end = i + 1 < segments ? little32(bytes, 8 + 4 * i) : bytes.size();
    if (begin < kHeader || begin > end || end > bytes.size()) {
      fail("{}: segment {} of its run-length coded pixels lies outside of them", where, i);
    }
    const std::size_t size = unpacked_size(bytes.substr(begin, end - begin), layout.pixels());
    if (size < layout.pixels()) {
      fail("{}: cut short: segment {} of its run-length coded pixels holds {} of {} bytes", where, i, size,
           layout.pixels());
    }
  }
}

void check_unpacked_size(std::string_view bytes, const PixelLayout& layout, const std::string& where) {
  constexpr std::size_t kAlways = std::size_t{64} << 20U;  // more than any frame of one detector
  constexpr std::size_t kMostRatio = 1000;                 // a picture with something on it packs to 1 in 50
  const std::size_t sample_bytes = layout.bits_allocated > 16 ? 4 : layout.bits_allocated > 8 ? 2 : 1;
  const std::size_t size = layout.pixels() * static_cast<std::size_t>(layout.samples) * sample_bytes;
  if (size > kAlways && size / kMostRatio > bytes.size()) {
    fail("{}: its {} bytes claim to unpack to {} x {} pixels of {} bytes together", where, bytes.size(),
         layout.width, layout.height, size);
  }
}

}  // namespace medisyn
