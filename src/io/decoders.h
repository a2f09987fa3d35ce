// Pictures in files, by the libraries of their formats: PNG by libpng, JPEG by libjpeg, TIFF by libtiff.
#pragma once

#include <string>
#include <string_view>

#include "medisyn/io/image.h"

namespace medisyn {

/// Not turned yet.
struct StoredPicture {
  Image image;
  int orientation = 1;  ///< EXIF's, 1 to 8
};

// Pixels as decode_image() describes them. Error naming `name` when the bytes cannot be decoded.
StoredPicture decode_png(std::string_view bytes, const std::string& name);
StoredPicture decode_jpeg(std::string_view bytes, const std::string& name);
StoredPicture decode_tiff(std::string_view bytes, const std::string& name);

/// A library's words, which may quote the file, for one line of a message.
std::string printable(const char* text);

/// value * alpha / 255, rounded.
inline std::uint8_t over_black(unsigned value, unsigned alpha) {
  return static_cast<std::uint8_t>((value * alpha + 127) / 255);
}

}  // namespace medisyn
