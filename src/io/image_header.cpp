#include "image_header.h"

#include <zlib.h>

#include <algorithm>

namespace medisyn {
namespace {

/// Little- or big-endian integers out of bytes; 0 beyond the end, which no caller takes for a size.
class Bytes {
 public:
  Bytes(std::string_view bytes, bool is_little) : bytes_(bytes), is_little_(is_little) {}

  std::uint32_t get(std::size_t at, int count) const {
    if (at > bytes_.size() || bytes_.size() - at < static_cast<std::size_t>(count)) {
      return 0;
    }
    std::uint32_t value = 0;
    for (int i = 0; i < count; ++i) {
      const int place = is_little_ ? count - 1 - i : i;
      value = value << 8U | static_cast<unsigned char>(bytes_[at + static_cast<std::size_t>(place)]);
    }
    return value;
  }
  std::size_t size() const { return bytes_.size(); }

 private:
  std::string_view bytes_;
  bool is_little_;
};

/// PNG: IHDR comes first and IEND last; every chunk's length and checksum must be right, so that libpng,
/// which writes to stderr, is spared most corrupt files.
ImageClaim png_claim(std::string_view bytes) {
  const Bytes big(bytes, false);
  ImageClaim claim{"PNG", big.get(20, 4), big.get(16, 4), false};
  constexpr std::size_t kAround = 12;  // length, type and checksum
  std::size_t at = 8;
  while (bytes.size() - at >= kAround) {
    const std::size_t length = big.get(at, 4);
    if (length > bytes.size() - at - kAround) {
      break;
    }
    const auto* checked = reinterpret_cast<const Bytef*>(bytes.data() + at + 4);
    if (crc32(0, checked, static_cast<uInt>(length + 4)) != big.get(at + 8 + length, 4)) {
      break;
    }
    if (bytes.substr(at + 4, 4) == "IEND") {
      claim.is_complete = true;
      break;
    }
    at += kAround + length;
  }
  return claim;
}

bool is_frame_header(std::uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

/// JPEG: segments up to the end-of-image marker. OpenCV fills what a cut file lacks in silence, so the walk
/// must reach that marker; a thumbnail's own lies inside a segment and is stepped over.
ImageClaim jpeg_claim(std::string_view bytes) {
  const Bytes big(bytes, false);
  ImageClaim claim{"JPEG", 0, 0, false};
  std::size_t at = 2;
  while (at + 1 < bytes.size()) {
    const std::uint32_t marker = big.get(at + 1, 1);
    const bool is_marker = big.get(at, 1) == 0xFF && marker != 0 && marker != 0xFF;
    if (!is_marker || (marker >= 0xD0 && marker <= 0xD7)) {
      ++at;  // entropy-coded data, fill bytes and restart markers
      continue;
    }
    if (marker == 0xD9) {
      claim.is_complete = true;
      return claim;
    }
    if (is_frame_header(marker) && claim.height == 0) {
      claim.height = big.get(at + 5, 2);
      claim.width = big.get(at + 7, 2);
    }
    at += 2 + std::max<std::size_t>(2, big.get(at + 2, 2));
  }
  return claim;
}

ImageClaim bmp_claim(std::string_view bytes) {
  const Bytes little(bytes, true);
  const auto height = static_cast<std::int32_t>(little.get(22, 4));  // negative: rows from the top
  const auto width = static_cast<std::int32_t>(little.get(18, 4));
  ImageClaim claim{"BMP", height < 0 ? -static_cast<std::int64_t>(height) : height, width, true};
  const std::uint32_t bits = little.get(28, 2);
  const std::uint32_t compression = little.get(30, 4);
  if (compression == 0 && claim.height < (1 << 20) && width > 0 && width < (1 << 20)) {
    const std::int64_t stride = (claim.width * bits + 31) / 32 * 4;
    claim.is_complete = static_cast<std::int64_t>(bytes.size()) >= little.get(10, 4) + stride * claim.height;
  }
  return claim;
}

/// TIFF: width and length are tags 256 and 257 of the first directory.
ImageClaim tiff_claim(std::string_view bytes) {
  const Bytes file(bytes, bytes[0] == 'I');
  ImageClaim claim{"TIFF", 0, 0, true};
  const std::size_t directory = file.get(4, 4);
  const std::uint32_t entries = file.get(directory, 2);
  for (std::uint32_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * static_cast<std::size_t>(i);
    const std::uint32_t tag = file.get(entry, 2);
    const std::uint32_t value = file.get(entry + 8, file.get(entry + 2, 2) == 3 ? 2 : 4);
    claim.width = tag == 256 ? value : claim.width;
    claim.height = tag == 257 ? value : claim.height;
  }
  claim.is_complete = entries > 0;
  return claim;
}

}  // namespace

std::optional<ImageClaim> read_image_claim(std::string_view bytes) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) {
    return png_claim(bytes);
  }
  if (bytes.starts_with("\xFF\xD8"sv)) {
    return jpeg_claim(bytes);
  }
  if (bytes.starts_with("BM"sv)) {
    return bmp_claim(bytes);
  }
  if (bytes.starts_with("II*\0"sv) || bytes.starts_with("MM\0*"sv)) {
    return tiff_claim(bytes);
  }
  return std::nullopt;
}

}  // namespace medisyn
