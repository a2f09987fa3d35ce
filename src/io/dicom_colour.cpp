#include "dicom_colour.h"

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "dicom_lookup.h"
#include "medisyn/core/error.h"

namespace medisyn {
namespace {

std::uint8_t to_byte(double value) { return static_cast<std::uint8_t>(std::clamp(value, 0.0, 255.0) + 0.5); }

LookupTable palette_of(DcmDataset& dataset, const DcmTagKey& descriptor, const DcmTagKey& data,
                       const DcmTagKey& segments, bool is_signed, const std::string& where) {
  auto table = read_lookup_table(dataset, descriptor, data, is_signed);
  if (!table) {
    table = read_segmented_table(dataset, descriptor, segments, is_signed);
  }
  if (!table) {
    fail("{}: expected a palette of red, green and blue, found none that is whole", where);
  }
  return std::move(*table);
}

std::vector<std::uint8_t> by_palette(DcmDataset& dataset, const StoredFrame& frame,
                                     const std::string& where) {
  const bool is_signed = frame.layout.is_signed;
  const std::array<LookupTable, 3> tables{
      palette_of(dataset, DCM_RedPaletteColorLookupTableDescriptor, DCM_RedPaletteColorLookupTableData,
                 DCM_SegmentedRedPaletteColorLookupTableData, is_signed, where),
      palette_of(dataset, DCM_GreenPaletteColorLookupTableDescriptor, DCM_GreenPaletteColorLookupTableData,
                 DCM_SegmentedGreenPaletteColorLookupTableData, is_signed, where),
      palette_of(dataset, DCM_BluePaletteColorLookupTableDescriptor, DCM_BluePaletteColorLookupTableData,
                 DCM_SegmentedBluePaletteColorLookupTableData, is_signed, where)};
  std::vector<std::uint8_t> rgb(frame.layout.pixels() * 3);
  for (std::size_t channel = 0; channel < 3; ++channel) {
    const LookupTable& table = tables[channel];
    const std::vector<std::uint8_t> plane = map_samples(frame, [&](std::int64_t stored) {
      return to_byte(table.at(static_cast<double>(stored)) / table.top * 255.0);
    });
    for (std::size_t i = 0; i < plane.size(); ++i) {
      rgb[3 * i + channel] = plane[i];
    }
  }
  return rgb;
}

/// PS3.3, C.7.6.3.1.2: the full range of ITU-R BT.601.
void ybr_to_rgb(std::vector<std::uint8_t>& pixels) {
  for (std::size_t i = 0; i + 3 <= pixels.size(); i += 3) {
    const double y = pixels[i];
    const double blue = pixels[i + 1] - 128.0;
    const double red = pixels[i + 2] - 128.0;
    pixels[i] = to_byte(y + 1.402 * red);
    pixels[i + 1] = to_byte(y - 0.114 * 1.772 / 0.587 * blue - 0.299 * 1.402 / 0.587 * red);
    pixels[i + 2] = to_byte(y + 1.772 * blue);
  }
}

}  // namespace

std::vector<std::uint8_t> to_rgb(DcmDataset& dataset, const StoredFrame& frame, const std::string& where) {
  if (frame.layout.samples == 1) {
    return by_palette(dataset, frame, where);
  }
  const std::size_t pixels = frame.layout.pixels();
  const double scale = 255.0 / (std::ldexp(1.0, frame.layout.bits_stored) - 1.0);
  std::vector<std::uint8_t> rgb(pixels * 3);
  for (std::size_t i = 0; i < rgb.size(); ++i) {
    const std::uint32_t code = frame.code(frame.layout.is_planar ? i % 3 * pixels + i / 3 : i);
    rgb[i] = frame.layout.bits_stored == 8 ? static_cast<std::uint8_t>(code) : to_byte(code * scale);
  }
  if (frame.layout.photometric.starts_with("YBR_FULL")) {
    ybr_to_rgb(rgb);
  }
  return rgb;
}

}  // namespace medisyn
