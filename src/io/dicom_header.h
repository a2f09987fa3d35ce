// What a DICOM file says of itself: the few tags that may leave the reader.
#pragma once

#include "dicom_layout.h"
#include "medisyn/io/dicom.h"

namespace medisyn {

/// The text of a tag's value, all its parts ("ORIGINAL\PRIMARY"), without padding; "" when absent. Bytes that
/// are not printable ASCII come out as '?': a kernel's name needs no more, and JSON takes no other encoding.
std::string dicom_text(DcmItem& dataset, std::uint16_t group, std::uint16_t element);

/// `layout`: the sizes, checked.
DicomInfo read_header(DcmItem& dataset, const PixelLayout& layout);

}  // namespace medisyn
