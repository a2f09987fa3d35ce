#include "dicom_jpeg2000.h"

#include <gdcmDataElement.h>
#include <gdcmFragment.h>
#include <gdcmJPEG2000Codec.h>
#include <gdcmSequenceOfFragments.h>
#include <gdcmTrace.h>

#include <array>
#include <exception>

#include "jpeg2000_header.h"
#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// GDCM's own lines would stand beside the Error on stderr.
void silence_gdcm() {
  static const bool is_silent = [] {
    gdcm::Trace::WarningOff();
    gdcm::Trace::DebugOff();
    gdcm::Trace::ErrorOff();
    return true;
  }();
  static_cast<void>(is_silent);
}

void check_header(const Jpeg2000Header& header, const PixelLayout& layout, const std::string& where) {
  if (header.height != layout.height || header.width != layout.width || header.components != layout.samples) {
    fail("{}: expected a JPEG 2000 stream of {} x {} pixels of {} samples, found {} x {} of {}", where,
         layout.width, layout.height, layout.samples, header.width, header.height, header.components);
  }
  if (header.bits > 16) {
    fail("{}: expected a JPEG 2000 stream of at most 16 bits, found {}", where, header.bits);
  }
}

gdcm::DataElement as_pixel_data(std::string_view codestream) {
  gdcm::Fragment fragment;
  fragment.SetByteValue(codestream.data(), gdcm::VL(static_cast<std::uint32_t>(codestream.size())));
  gdcm::SmartPointer<gdcm::SequenceOfFragments> fragments = new gdcm::SequenceOfFragments;
  fragments->AddFragment(fragment);
  gdcm::DataElement element(gdcm::Tag(0x7fe0, 0x0010));
  element.SetValue(*fragments);
  return element;
}

/// The codec sizes its buffer by what it is told and fills it by what the stream holds: both are the same
/// here.
void prepare(gdcm::JPEG2000Codec& codec, const Jpeg2000Header& header) {
  const std::array<unsigned, 3> size{static_cast<unsigned>(header.width),
                                     static_cast<unsigned>(header.height), 1};
  const auto bits = static_cast<unsigned short>(header.bits);
  codec.SetNumberOfThreadsForDecompression(0);  // frames are decoded side by side by those who call
  codec.SetNumberOfDimensions(2);
  codec.SetDimensions(size.data());
  codec.SetPixelFormat(gdcm::PixelFormat(static_cast<unsigned short>(header.components), bits > 8 ? 16 : 8,
                                         bits, static_cast<unsigned short>(bits - 1),
                                         header.is_signed ? 1 : 0));
  codec.SetPhotometricInterpretation(header.components == 3 ? gdcm::PhotometricInterpretation::RGB
                                                            : gdcm::PhotometricInterpretation::MONOCHROME2);
}

}  // namespace

std::vector<std::uint8_t> decode_jpeg2000(std::string_view bytes, PixelLayout& layout,
                                          const std::string& where) {
  silence_gdcm();
  const Jpeg2000Header header = read_jpeg2000_header(bytes, where);
  check_header(header, layout, where);
  gdcm::JPEG2000Codec codec;
  prepare(codec, header);
  gdcm::DataElement decoded;
  bool is_decoded = false;
  try {
    is_decoded = codec.Decode(as_pixel_data(header.codestream), decoded);
  } catch (const std::exception&) {
    is_decoded = false;  // what it says names GDCM's own lines of code
  }
  const gdcm::ByteValue* value = is_decoded ? decoded.GetByteValue() : nullptr;
  const std::size_t size =
      layout.pixels() * static_cast<std::size_t>(layout.samples) * (header.bits > 8 ? 2 : 1);
  if (value == nullptr || value->GetLength() < size) {
    fail("{}: its JPEG 2000 stream of {} bytes cannot be decoded", where, header.codestream.size());
  }
  layout.bits_allocated = header.bits > 8 ? 16 : 8;
  layout.bits_stored = header.bits;
  layout.high_bit = header.bits - 1;
  layout.is_planar = false;
  if (layout.photometric == "YBR_ICT" || layout.photometric == "YBR_RCT") {
    layout.photometric = "RGB";
  }
  const auto* begin = reinterpret_cast<const std::uint8_t*>(value->GetPointer());
  return {begin, begin + size};
}

}  // namespace medisyn
