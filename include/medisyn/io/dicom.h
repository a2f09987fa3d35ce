// DICOM pictures: uncompressed, RLE, JPEG and JPEG-LS by DCMTK, JPEG 2000 by GDCM, one frame or many.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

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
  bool has_burned_in_text = false;            ///< BurnedInAnnotation is YES
  std::map<std::string, std::string> hashes;  ///< of dicom_ids(): 16 hex digits of SHA-256; missing absent
  std::map<std::string, std::string> words;   ///< of dicom_words(): the text; missing absent
};

/// The keywords of tags that tell patients, studies and pictures apart: PatientID, StudyInstanceUID,
/// SeriesInstanceUID, AccessionNumber, SOPInstanceUID, FrameOfReferenceUID. They leave the reader as hashes
/// only.
const std::vector<std::string>& dicom_ids();
bool is_dicom_id(std::string_view keyword);

/// The keywords of tags that describe the picture and no person. They leave the reader as text. A list of
/// what may, because a list of what may not is never whole: names hide in comments, descriptions, private
/// tags and dates. What is here is a code of the standard's (CS), a number, or the short name of a kernel.
const std::vector<std::string>& dicom_words();
bool is_dicom_word(std::string_view keyword);

/// Values that become black and white, after rescale slope and intercept (HU for CT).
struct GreyWindow {
  double low = 0.0;
  double high = 1.0;
};

/// Reads the header. Error naming the file when it is no DICOM file, holds no picture or one of other bits or
/// colours than are read, or when its sizes do not fit the bytes that are there. No value of a tag but sizes
/// and the photometric interpretation stands in a message.
DicomInfo read_dicom_info(const std::filesystem::path& path);

/// Decodes each frame in order and hands it on with its number (from 0); one frame is in memory at a time.
///
/// Grey of 1 to 32 bits: the modality table, or else rescale slope and intercept; then `window`, or else the
/// file's first VOI table, or else its first window (LINEAR, LINEAR_EXACT or SIGMOID as PS3.3, C.11.2 has
/// them), or else the frame's least value to its greatest; then MONOCHROME1 is inverted. Enhanced files:
/// rescale and window of the frame's functional group, or of the shared one, before the file's. Padding
/// (PixelPaddingValue) is left out of least and greatest, and black there; with a window or table it is a
/// value like others. Overlays are not drawn. Colour: palettes (in segments as well), YBR and 16 bits become
/// RGB of 8.
///
/// Returns the header. Error naming file, frame and reason when a frame cannot be decoded or when compressed
/// bytes claim more than they can hold.
DicomInfo read_dicom_frames(const std::filesystem::path& path, const std::optional<GreyWindow>& window,
                            const std::function<void(int, const Image&)>& take);

}  // namespace medisyn
