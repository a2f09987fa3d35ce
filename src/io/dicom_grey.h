// From stored values to grey: modality, VOI and the last turn of MONOCHROME1 (PS3.3, C.11).
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

#include "dicom_frames.h"
#include "medisyn/io/dicom.h"

class DcmDataset;

namespace medisyn {

/// A stored value -> the modality's unit (HU for CT) -> 0 (black) to 1 (white). In double all the way:
/// DCMTK's own pipeline goes through whole numbers, which leaves a PET file of slope 0.01 a handful of greys.
class GreyTransform {
 public:
  /// `frame` (from 0) chooses among the functional groups of an enhanced file.
  GreyTransform(DcmDataset& dataset, const PixelLayout& layout, const std::optional<GreyWindow>& window,
                int frame);

  /// Grey of each sample, 0 to 255.
  std::vector<std::uint8_t> apply(const StoredFrame& frame) const;

 private:
  bool is_padding(std::int64_t stored) const;

  std::function<double(double)> modality_;
  std::function<double(double)> voi_;  ///< empty: from the frame's least value to its greatest
  std::optional<std::pair<std::int64_t, std::int64_t>> padding_;
  bool is_inverted_ = false;
};

}  // namespace medisyn
