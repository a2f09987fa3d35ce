// What the compressed bytes of a frame claim, checked before a codec allocates or believes it.
#pragma once

#include <string>
#include <string_view>

#include "dicom_layout.h"

namespace medisyn {

/// What a JPEG or JPEG-LS frame header says.
struct JpegHeader {
  int height = 0;
  int width = 0;
  int components = 0;
  int bits = 0;
  bool is_ycc = false;  ///< a JFIF marker: three components are YCbCr, whatever DICOM's header says
  bool is_rgb = false;  ///< the components are named R, G and B
};

/// Error naming `where` when the bytes are no JPEG or JPEG-LS stream, or one of another size than the layout,
/// of more bits than fit, or with so many scans that decoding them would take for ever.
JpegHeader check_jpeg(std::string_view bytes, const PixelLayout& layout, const std::string& where);

/// Error naming `where` when a run-length coded frame (PS3.5, annex G) points outside of itself or its
/// segments unpack to fewer bytes than the layout asks for.
void check_rle(std::string_view bytes, const PixelLayout& layout, const std::string& where);

/// Error naming `where` when so few bytes would unpack to a frame of more than 64 MiB that they are a bomb.
void check_unpacked_size(std::string_view bytes, const PixelLayout& layout, const std::string& where);

}  // namespace medisyn
