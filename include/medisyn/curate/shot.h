// The readers of `medisyn curate`: from a file to pictures.
#pragma once

#include <functional>
#include <limits>
#include <string>
#include <vector>

#include "medisyn/curate/describe.h"
#include "medisyn/curate/item.h"
#include "medisyn/curate/side.h"
#include "medisyn/io/image.h"
#include "medisyn/io/volume.h"

namespace medisyn {

inline constexpr const char* kBlank = "blank (too little foreground)";

/// One picture out of a file.
struct Shot {
  Image picture;
  std::string name = {};    ///< within its file: "axial 012 lung window", "frame 0007"; "" for all of it
  CaptionWords words = {};  ///< plane, window, position, tile, row, column
  std::vector<std::string> structures = {};                   ///< labels found in it
  Extent extent = {};                                         ///< where it lies in its source
  double seconds = std::numeric_limits<double>::quiet_NaN();  ///< of a video's frame
  bool is_finished = false;                                   ///< a slice, which is drawn in the study's size
};

/// Who takes the pictures of one file, in order.
struct ShotSink {
  /// Before the first picture, with what the file's header says; false leaves the file out.
  std::function<bool(const Facts&)> begin;
  std::function<void(const Facts&, const Shot&)> take;
  std::function<void(const std::string& reason)> skip;  ///< counts what is left out on purpose
};

/// Reads one file and hands its pictures on. Error naming the file and the reason when it cannot be read.
void read_item(const CurateConfig& config, const RepositoryConfig& repository, const Item& item,
               const ShotSink& sink);

/// A slice as a square picture: values between `low` and `high` become 0 to 255, the physical aspect ratio is
/// kept (the longer side in mm fills `size` pixels), the rest is black.
Image render_slice(const Slice& slice, float low, float high, int size);

}  // namespace medisyn
