#include "medisyn/curate/fit.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "medisyn/io/resize.h"

namespace medisyn {
namespace {

Image padded(const Image& picture, int size) {
  const double scale = static_cast<double>(size) / std::max(picture.height, picture.width);
  const auto scaled = [&](int length) {
    return std::clamp(static_cast<int>(std::lround(length * scale)), 1, size);
  };
  const Image small = resize(picture, scaled(picture.height), scaled(picture.width));
  const auto side = static_cast<std::size_t>(size), width = static_cast<std::size_t>(small.width) * 3;
  Image image{size, size, std::vector<std::uint8_t>(side * side * 3)};
  const auto top = static_cast<std::size_t>((size - small.height) / 2);
  const auto left = static_cast<std::size_t>((size - small.width) / 2);
  for (std::size_t row = 0; row < static_cast<std::size_t>(small.height); ++row) {
    std::copy_n(small.pixels.begin() + static_cast<std::ptrdiff_t>(row * width), width,
                image.pixels.begin() + static_cast<std::ptrdiff_t>(((top + row) * side + left) * 3));
  }
  return image;
}

}  // namespace

Image fitted(const Image& picture, int size, const std::string& fit) {
  if (picture.height == size && picture.width == size) {
    return picture;
  }
  return fit == "pad" ? padded(picture, size) : resize_and_crop(picture, size);
}

std::string transform_of(const CurateConfig& config, bool is_slice) {
  const std::string size = fmt::format("{0}x{0}, bicubic with antialias, ", config.size);
  if (is_slice) {
    return size + "the longer side in mm fits, padded with black";
  }
  return size +
         (config.fit == "pad" ? "the longer side fits, padded with black" : "shorter side, centre crop");
}

double share_above(const Image& image, double threshold) {
  std::size_t above = 0;
  for (std::size_t i = 0; i < image.pixels.size(); i += 3) {
    const double luma = 0.299 * image.pixels[i] + 0.587 * image.pixels[i + 1] + 0.114 * image.pixels[i + 2];
    above += luma > threshold ? 1 : 0;
  }
  return static_cast<double>(above) / (static_cast<double>(image.pixels.size()) / 3.0);
}

}  // namespace medisyn
