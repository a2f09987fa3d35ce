// Pictures: 8-bit RGB in memory; PNG, JPEG, BMP and TIFF in files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace medisyn {

struct Image {
  int height = 0;
  int width = 0;
  std::vector<std::uint8_t> pixels;  ///< [H, W, 3], RGB

  bool operator==(const Image&) const = default;
};

/// The largest picture that is decoded, in pixels: a file that claims more is refused before it is unpacked.
inline constexpr std::int64_t kMaxImagePixels = 1 << 28;

/// Decodes PNG, JPEG, BMP or TIFF, of a TIFF with several pages the first. Pixels are PIL's
/// (ImageOps.exif_transpose, then convert("RGB")): grey, palettes and CMYK become RGB, alpha and colours that
/// stand for transparent are laid over black, 16 bit is scaled to 8, the EXIF orientation of JPEG, PNG and
/// TIFF is applied, colour profiles are not. scripts/parity_pixels.py: lossless files and JPEG are equal,
/// alpha, CMYK and 16 bit differ by at most 1. Error naming `name` when the bytes are no picture, cut short,
/// of floating-point or 12-bit samples, or larger than kMaxImagePixels.
Image decode_image(std::string_view bytes, const std::string& name);

/// Reads and decodes a file. Error when it is missing or corrupt.
Image read_image(const std::filesystem::path& path);

/// True for a name that ends in .png, .jpg, .jpeg, .bmp, .tif or .tiff (any case).
bool has_image_extension(const std::filesystem::path& path);

/// PNG bytes; the same picture and text give the same bytes. `text` becomes tEXt chunks (iTXt when a value is
/// not Latin-1) in front of the pixels, sorted by key. A key has 1 to 79 printable ASCII characters.
std::string encode_png(const Image& image, const std::map<std::string, std::string>& text = {});

/// Baseline JPEG bytes with colours at half the resolution, as PIL writes them; quality 1 to 100.
std::string encode_jpeg(const Image& image, int quality);

/// The rectangle of `height` x `width` pixels whose upper left corner is (`top`, `left`). Error when it
/// reaches beyond the picture.
Image crop(const Image& image, int top, int left, int height, int width);

}  // namespace medisyn
