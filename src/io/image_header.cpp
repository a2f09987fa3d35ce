#include "image_header.h"

#include <algorithm>

#include "medisyn/core/error.h"
#include "medisyn/io/image.h"

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

 private:
  std::string_view bytes_;
  bool is_little_;
};

bool is_frame_header(std::uint32_t marker) {
  return marker >= 0xC0 && marker <= 0xCF && marker != 0xC4 && marker != 0xC8 && marker != 0xCC;
}

}  // namespace

int exif_orientation(std::string_view exif) {
  // Laid out as a TIFF file; its first directory counts.
  constexpr std::uint32_t kOrientation = 274, kShort = 3;
  constexpr std::size_t kEntry = 12;
  const Bytes bytes(exif, exif.starts_with("II"));
  const std::size_t directory = bytes.get(4, 4);
  const std::size_t end = std::min(exif.size(), directory + 2 + kEntry * bytes.get(directory, 2));
  for (std::size_t at = directory + 2; at < end; at += kEntry) {
    if (bytes.get(at, 2) == kOrientation) {
      const std::uint32_t value = bytes.get(at + 8, bytes.get(at + 2, 2) == kShort ? 2 : 4);
      return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
    }
  }
  return 1;
}

/// Segments up to the end-of-image marker. libjpeg fills what a cut file lacks in silence, so the walk must
/// reach that marker; a thumbnail's own lies inside a segment and is stepped over.
ImageClaim read_jpeg_claim(std::string_view bytes) {
  using namespace std::string_view_literals;
  constexpr std::uint32_t kApp1 = 0xE1, kEnd = 0xD9;
  constexpr std::string_view kExif = "Exif\0\0"sv;
  const Bytes big(bytes, false);
  ImageClaim claim;
  claim.is_complete = false;
  bool has_exif = false;
  // Entropy-coded data, fill bytes and restart markers are stepped over.
  for (std::size_t at = 2; (at = bytes.find('\xFF', at)) < bytes.size() - 1; ++at) {
    const std::uint32_t marker = big.get(at + 1, 1);
    if (marker == 0 || marker == 0xFF || (marker >= 0xD0 && marker <= 0xD7)) {
      continue;
    }
    if (marker == kEnd) {
      claim.is_complete = true;
      break;
    }
    if (is_frame_header(marker) && claim.height == 0) {
      claim.height = big.get(at + 5, 2);
      claim.width = big.get(at + 7, 2);
    }
    const std::size_t length = std::max<std::size_t>(2, big.get(at + 2, 2));
    const std::string_view segment = bytes.substr(std::min(at + 4, bytes.size()), length - 2);
    if (marker == kApp1 && !has_exif && segment.starts_with(kExif)) {
      has_exif = true;
      claim.orientation = exif_orientation(segment.substr(kExif.size()));
    }
    at += 1 + length;
  }
  return claim;
}

ImageClaim read_bmp_claim(std::string_view bytes) {
  const Bytes little(bytes, true);
  const auto height = static_cast<std::int32_t>(little.get(22, 4));  // negative: rows from the top
  ImageClaim claim;
  claim.height = height < 0 ? -static_cast<std::int64_t>(height) : height;
  claim.width = static_cast<std::int32_t>(little.get(18, 4));
  constexpr std::int64_t kMostPixels = 1 << 20;  // along a side
  constexpr std::uint32_t kBitFields = 3;        // the last that OpenCV knows; it complains on stderr
  const std::uint32_t compression = little.get(30, 4);
  if (compression == 0 && claim.height < kMostPixels && claim.width > 0 && claim.width < kMostPixels) {
    const std::int64_t stride = (claim.width * little.get(28, 2) + 31) / 32 * 4;
    claim.is_complete = static_cast<std::int64_t>(bytes.size()) >= little.get(10, 4) + stride * claim.height;
  }
  claim.is_complete = claim.is_complete && compression <= kBitFields;
  return claim;
}

void check_claim(std::int64_t height, std::int64_t width, std::size_t bytes, std::int64_t pixels_a_byte,
                 std::string_view format, const std::string& name) {
  if (height <= 0 || width <= 0) {
    fail("{}: corrupt {}: its header gives {} x {} pixels", name, format, width, height);
  }
  if (height > kMaxImagePixels / width) {
    fail("{}: its header claims {} x {} pixels; at most {} are read", name, width, height, kMaxImagePixels);
  }
  if (pixels_a_byte > 0 && height * width / pixels_a_byte > static_cast<std::int64_t>(bytes)) {
    fail("{}: corrupt {}: {} bytes cannot hold {} x {} pixels", name, format, bytes, width, height);
  }
}

}  // namespace medisyn
