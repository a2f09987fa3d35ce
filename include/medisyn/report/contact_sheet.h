// A grid of pictures with captions, as one picture.
#pragma once

#include <string>
#include <vector>

#include "medisyn/io/image.h"

namespace medisyn {

/// How a sheet is laid out; lengths in pixels.
struct ContactSheetLayout {
  int columns = 0;  ///< 0: about as many as rows
  int cell_pixels =
      96;  ///< pictures smaller than this are magnified by a whole factor, so that captions have room
  int padding = 8;        ///< around every cell
  int caption_lines = 3;  ///< longer captions end in "..."
  std::string title = {};
  std::vector<std::string> column_labels = {};  ///< above the columns
  std::vector<std::string> row_labels = {};     ///< left of the rows
};

/// Draws the pictures row by row on white, each with its caption below, wrapped at words. `captions` is empty
/// or as long as `images`. Pictures of different sizes are centred in cells of the largest. Characters
/// outside ASCII are drawn as
/// "?" (OpenCV's fonts have no others). Error without a picture, or when the lists do not fit each other.
Image contact_sheet(const std::vector<Image>& images, const std::vector<std::string>& captions,
                    const ContactSheetLayout& layout = {});

/// Words of `text` put into lines of at most `width` pixels in the sheet's font, at most `lines` of them.
std::vector<std::string> wrap_caption(const std::string& text, int width, int lines);

}  // namespace medisyn
