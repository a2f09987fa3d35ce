#include "dicom_layout.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/image.h"

namespace medisyn {
namespace {

constexpr int kMaxFrames = 1'000'000;

bool is_one_of(int value, std::initializer_list<int> allowed) {
  return std::find(allowed.begin(), allowed.end(), value) != allowed.end();
}

/// What dicom_grey.cpp and dicom_colour.cpp turn into a picture.
bool is_known(const PixelLayout& layout) {
  static constexpr std::array kColours{"RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT"};
  if (layout.samples == 1) {
    return layout.is_grey() || layout.photometric == "PALETTE COLOR";
  }
  return layout.samples == 3 &&
         std::find(kColours.begin(), kColours.end(), layout.photometric) != kColours.end();
}

/// A photometric interpretation for a message: what stands there may be anything, a patient's name too.
std::string shown(const std::string& photometric) {
  static constexpr std::array kDefined{
      "MONOCHROME1", "MONOCHROME2", "PALETTE COLOR",   "RGB",          "HSV",
      "ARGB",        "CMYK",        "YBR_FULL",        "YBR_FULL_422", "YBR_PARTIAL_422",
      "YBR_ICT",     "YBR_RCT",     "YBR_PARTIAL_420", "XYB"};  // PS3.3, C.7.6.3.1.2, and retired ones
  const bool is_defined = std::find(kDefined.begin(), kDefined.end(), photometric) != kDefined.end();
  return is_defined ? photometric : photometric.empty() ? "none" : "an unknown value";
}

void check_size(DcmDataset& dataset, const PixelLayout& layout, const std::string& name) {
  if (layout.height <= 0 || layout.width <= 0 || layout.photometric.empty() ||
      !dataset.tagExists(DCM_PixelData)) {
    fail("{}: a DICOM file without a picture (rows {}, columns {}, photometric interpretation: {})", name,
         layout.height, layout.width, shown(layout.photometric));
  }
  if (layout.frames < 1 || layout.frames > kMaxFrames ||
      layout.pixels() > static_cast<std::size_t>(kMaxImagePixels)) {
    fail("{}: its header claims {} frames of {} x {} pixels", name, layout.frames, layout.width,
         layout.height);
  }
}

void check_samples(const PixelLayout& layout, const std::string& name) {
  if (!is_known(layout)) {
    fail("{}: expected grey, palette, RGB or YBR_FULL pixels, found {} of {} samples", name,
         shown(layout.photometric), layout.samples);
  }
  const bool fits = layout.bits_stored >= 1 && layout.bits_stored <= layout.bits_allocated &&
                    layout.high_bit >= layout.bits_stored - 1 && layout.high_bit < layout.bits_allocated;
  if (!fits || !is_one_of(layout.bits_allocated, {1, 8, 16, 32}) ||
      (layout.bits_allocated == 1 && layout.samples != 1)) {
    fail("{}: expected samples of 1, 8, 16 or 32 bits, found {} of {} bits, the highest of them bit {}", name,
         layout.bits_stored, layout.bits_allocated, layout.high_bit);
  }
  if (layout.photometric.starts_with("YBR_FULL") && layout.bits_allocated != 8) {
    fail("{}: expected {} of 8 bits, found {} bits", name, layout.photometric, layout.bits_allocated);
  }
}

/// Bits of one frame as it lies in an uncompressed file. YBR_FULL_422 keeps two samples for a pixel.
std::int64_t frame_bits(const PixelLayout& layout) {
  const int samples = layout.photometric == "YBR_FULL_422" ? 2 : layout.samples;
  return static_cast<std::int64_t>(layout.pixels()) * samples * layout.bits_allocated;
}

void check_native_bytes(DcmDataset& dataset, const PixelLayout& layout, const std::string& name) {
  DcmElement* pixels = nullptr;
  if (DcmXfer(dataset.getOriginalXfer()).isEncapsulated() ||
      dataset.findAndGetElement(DCM_PixelData, pixels).bad()) {
    return;
  }
  const std::int64_t found = pixels->getLength();
  if ((frame_bits(layout) * layout.frames + 7) / 8 > found) {
    fail(
        "{}: cut short: its header claims {} frames of {} x {} pixels of {} bits, the file has {} bytes of "
        "them",
        name, layout.frames, layout.width, layout.height, layout.bits_allocated * layout.samples, found);
  }
}

/// Some writers leave out what follows from the rest; the codecs ask for all of it.
void complete(DcmDataset& dataset, const PixelLayout& layout) {
  const auto put = [&](const DcmTagKey& tag, int value) {
    dataset.putAndInsertUint16(tag, static_cast<Uint16>(value));
  };
  put(DCM_SamplesPerPixel, layout.samples);
  put(DCM_BitsAllocated, layout.bits_allocated);
  put(DCM_BitsStored, layout.bits_stored);
  put(DCM_HighBit, layout.high_bit);
  put(DCM_PixelRepresentation, layout.is_signed ? 1 : 0);
  if (layout.samples > 1) {
    put(DCM_PlanarConfiguration, layout.is_planar ? 1 : 0);
  }
}

}  // namespace

PixelLayout read_pixel_layout(DcmDataset& dataset, const fs::path& path) {
  const auto number = [&](const DcmTagKey& tag, int missing) {
    return dicom_word16(dataset, tag).value_or(missing);
  };
  PixelLayout layout;
  layout.height = number(DCM_Rows, 0);
  layout.width = number(DCM_Columns, 0);
  layout.photometric = dicom_first_text(dataset, DCM_PhotometricInterpretation);
  Sint32 frames = 1;
  dataset.findAndGetSint32(DCM_NumberOfFrames, frames);
  layout.frames = frames == 0 ? 1 : static_cast<int>(frames);  // some writers leave the number out or say 0
  check_size(dataset, layout, path.string());
  layout.samples = number(DCM_SamplesPerPixel, 1);
  layout.bits_allocated = number(DCM_BitsAllocated, 8);
  layout.bits_stored = number(DCM_BitsStored, layout.bits_allocated);
  layout.high_bit = number(DCM_HighBit, layout.bits_stored - 1);
  layout.is_signed = number(DCM_PixelRepresentation, 0) == 1;
  layout.is_planar = layout.samples > 1 && number(DCM_PlanarConfiguration, 0) == 1;
  check_samples(layout, path.string());
  check_native_bytes(dataset, layout, path.string());
  complete(dataset, layout);
  return layout;
}

std::string dicom_first_text(DcmItem& item, const DcmTagKey& tag) {
  OFString value;
  return item.findAndGetOFString(tag, value).good() ? std::string(value.c_str(), value.size()) : "";
}

std::optional<double> dicom_decimal(DcmItem& item, const DcmTagKey& tag) {
  Float64 value = 0.0;
  const bool is_number = item.findAndGetFloat64(tag, value).good() && std::isfinite(value);
  return is_number ? std::optional<double>(value) : std::nullopt;
}

std::optional<int> dicom_word16(DcmItem& item, const DcmTagKey& tag, unsigned long position) {
  Uint16 value = 0;
  if (item.findAndGetUint16(tag, value, position).good()) {
    return value;
  }
  Sint16 signed_value = 0;
  if (item.findAndGetSint16(tag, signed_value, position).good()) {
    return static_cast<Uint16>(signed_value);
  }
  return std::nullopt;
}

}  // namespace medisyn
