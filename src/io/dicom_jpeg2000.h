// JPEG 2000 frames inside DICOM files, by GDCM.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dicom_layout.h"

namespace medisyn {

/// Samples out of a codestream (or a JP2 file that holds one): colour by pixel, bytes of 8 or words of 16
/// bits as the stream's precision asks, with the colour transform of the stream undone. `layout` comes in as
/// the DICOM header has it and goes out as the bytes have it. Error naming `where` when the stream is none,
/// cut off in its headers, of another size than the layout or of more than 16 bits, or when its tables would
/// take memory out of all proportion: GDCM and OpenJPEG allocate by what they read.
std::vector<std::uint8_t> decode_jpeg2000(std::string_view bytes, PixelLayout& layout,
                                          const std::string& where);

}  // namespace medisyn
