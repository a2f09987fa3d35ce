// What a picture's header claims, read before anything is unpacked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace medisyn {

struct ImageClaim {
  std::string format;  ///< "PNG", "JPEG", "BMP" or "TIFF"
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool is_complete =
      true;  ///< false when the bytes end before the format says so, or a PNG's checksum is wrong
};

/// Nothing when the bytes are none of the four formats or the header is broken.
std::optional<ImageClaim> read_image_claim(std::string_view bytes);

}  // namespace medisyn
