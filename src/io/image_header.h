// What the header of a picture claims, checked before anything is unpacked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace medisyn {

struct ImageClaim {
  std::int64_t height = 0;
  std::int64_t width = 0;
  bool is_complete = true;  ///< false when the bytes end before the format says so
  int orientation = 1;      ///< EXIF's, 1 to 8; of JPEG
};

ImageClaim read_jpeg_claim(std::string_view bytes);
ImageClaim read_bmp_claim(std::string_view bytes);

/// The orientation, 1 to 8, in EXIF data as they stand behind "Exif\0\0" or in a PNG; 1 when there is none.
int exif_orientation(std::string_view exif);

/// Error naming `name`: a size of nothing, above kMaxImagePixels, or that `bytes` bytes cannot hold because a
/// byte makes `pixels_a_byte` pixels at most (0: any number).
void check_claim(std::int64_t height, std::int64_t width, std::size_t bytes, std::int64_t pixels_a_byte,
                 std::string_view format, const std::string& name);

}  // namespace medisyn
