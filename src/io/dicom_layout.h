// How a DICOM file stores its samples.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

class DcmDataset;
class DcmItem;
class DcmTagKey;

namespace medisyn {

/// The image pixel module (PS3.3, C.7.6.3), checked.
struct PixelLayout {
  int height = 0;
  int width = 0;
  int frames = 1;
  int samples = 1;         ///< 1 or 3
  int bits_allocated = 8;  ///< 1, 8, 16 or 32
  int bits_stored = 8;
  int high_bit = 7;
  bool is_signed = false;
  bool is_planar = false;   ///< a plane for each colour, not a triple for each pixel
  std::string photometric;  ///< "MONOCHROME1", "YBR_FULL_422", ...

  std::size_t pixels() const { return static_cast<std::size_t>(height) * static_cast<std::size_t>(width); }
  bool is_grey() const { return photometric == "MONOCHROME1" || photometric == "MONOCHROME2"; }
};

/// Error naming the file when it holds no picture, or one that is not read: other sizes, bits or colours.
/// Nothing is allocated by what the header says before it came through here.
PixelLayout read_pixel_layout(DcmDataset& dataset, const std::filesystem::path& path);

/// A tag's first value, without padding; "" when absent.
std::string dicom_first_text(DcmItem& item, const DcmTagKey& tag);

/// A decimal string's first value. Nothing when absent or no finite number.
std::optional<double> dicom_decimal(DcmItem& item, const DcmTagKey& tag);

/// The 16 bits of a tag whose VR is US or SS. Nothing when absent.
std::optional<int> dicom_word16(DcmItem& item, const DcmTagKey& tag, unsigned long position = 0);

}  // namespace medisyn
