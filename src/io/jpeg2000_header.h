// The headers of a JPEG 2000 codestream (ITU T.800, annex A).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace medisyn {

struct Jpeg2000Header {
  std::int64_t height = 0;
  std::int64_t width = 0;
  int components = 0;
  int bits = 0;  ///< of every component
  bool is_signed = false;
  std::string_view codestream;  ///< without the boxes of a JP2 file around it
};

/// Reads the main header and the head of every tile-part. Error naming `where` when one is broken, when
/// components differ in bits or are subsampled, or when tiles, precincts, code blocks or layers are so many
/// that a decoder's tables would outgrow the picture.
Jpeg2000Header read_jpeg2000_header(std::string_view bytes, const std::string& where);

}  // namespace medisyn
