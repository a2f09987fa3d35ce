// DICOM pictures by DCMTK: uncompressed, RLE, JPEG and JPEG-LS, one frame or many.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "medisyn/io/image.h"

namespace medisyn {

/// What of a file's header may reach an output. Names, dates and the patient id itself never leave the
/// reader.
struct DicomInfo {
  int height = 0;
  int width = 0;
  int frames = 1;
  std::string modality;     ///< "CT", "US", ...; "" when absent
  std::string photometric;  ///< "MONOCHROME1", "YBR_FULL_422", ...
  std::string
      patient_hash;  ///< 16 hex digits of SHA-256 of the patient id, or of the study's UID; "" without both
  bool has_burned_in_text = false;  ///< BurnedInAnnotation is YES
};

/// Values that become black and white, after rescale slope and intercept (HU for CT).
struct GreyWindow {
  double low = 0.0;
  double high = 1.0;
};

/// Reads the header. Error naming the file when it is no DICOM file or holds no picture, or when its sizes do
/// not fit the bytes that are there.
DicomInfo read_dicom_info(const std::filesystem::path& path);

/// Decodes each frame in order and hands it on with its number (from 0); one frame is in memory at a time.
///
/// Monochrome: rescale slope and intercept, then `window`, or else the file's first VOI window or table, or
/// else its least and greatest value; MONOCHROME1 is inverted. Colour: YBR and palettes become RGB. Returns
/// the header. Error naming file and reason when a frame cannot be decoded (JPEG 2000 among others).
DicomInfo read_dicom_frames(const std::filesystem::path& path, const std::optional<GreyWindow>& window,
                            const std::function<void(int, const Image&)>& take);

}  // namespace medisyn
