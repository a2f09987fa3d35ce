// PNG files that differ in their pixels alone.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/io/image.h"

namespace medisyn {

/// An RGB PNG of the chunks IHDR, IDAT and IEND whose pixels are stored without compression: pictures of one
/// size make files of one size, to the byte and chunk by chunk. Synthetic pictures are smoother than real
/// ones, and compressed files would give them away by their length (3 bytes a pixel is the price).
std::string encode_stored_png(const Image& image);

struct PngChunk {
  std::string type = {};
  std::uint32_t bytes = 0;
};

/// The chunks of a PNG file in order, and what else is in it is an Error naming `name`.
std::vector<PngChunk> png_chunks(std::string_view bytes, const std::string& name);

}  // namespace medisyn
