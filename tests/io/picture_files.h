// Pictures in files, made by hand where no library writes them.
#pragma once

#include <zlib.h>

#include <algorithm>
#include <opencv2/imgcodecs.hpp>
#include <random>
#include <string>
#include <vector>

#include "medisyn/io/image.h"

namespace medisyn {

inline Image noise(int height, int width, unsigned seed = 1) {
  Image image{height, width, {}};
  std::mt19937 random(seed);
  for (int i = 0; i < height * width * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(random() & 0xFFU));
  }
  return image;
}

inline std::string encoded(const std::string& extension, const cv::Mat& mat) {
  std::vector<std::uint8_t> bytes;
  cv::imencode(extension, mat, bytes);
  return {bytes.begin(), bytes.end()};
}

inline std::vector<int> pixel(const Image& image, int y, int x) {
  const auto at = static_cast<std::size_t>((y * image.width + x) * 3);
  return {image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]};
}

inline std::string little_endian(std::uint32_t value, int count) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    bytes += static_cast<char>(value >> (8 * i) & 0xFFU);
  }
  return bytes;
}

/// An entry of a TIFF directory.
struct TiffTag {
  std::uint32_t number;
  std::vector<std::uint32_t> values;  ///< of 16 bit
};

/// Little-endian TIFF: the header, these tags and behind them the pixels as one strip.
inline std::string tiff(std::vector<TiffTag> tags, const std::string& pixels) {
  tags.push_back({273, {0}});
  std::sort(tags.begin(), tags.end(), [](const TiffTag& a, const TiffTag& b) { return a.number < b.number; });
  const std::size_t apart_at = 8 + 2 + 12 * tags.size() + 4;
  std::string apart;
  std::string directory = little_endian(static_cast<std::uint32_t>(tags.size()), 2);
  std::size_t strip_at = 0;
  for (const auto& [number, values] : tags) {
    directory += little_endian(number, 2) + little_endian(3, 2) +
                 little_endian(static_cast<std::uint32_t>(values.size()), 4);
    std::string packed;
    for (const std::uint32_t value : values) {
      packed += little_endian(value, 2);
    }
    if (packed.size() > 4) {
      directory += little_endian(static_cast<std::uint32_t>(apart_at + apart.size()), 4);
      apart += packed;
    } else {
      strip_at = number == 273 ? directory.size() : strip_at;
      directory += packed + std::string(4 - packed.size(), '\0');
    }
  }
  directory.replace(strip_at, 2, little_endian(static_cast<std::uint32_t>(apart_at + apart.size()), 2));
  return std::string("II*\0", 4) + little_endian(8, 4) + directory + std::string(4, '\0') + apart + pixels;
}

/// Tags of `channels` interleaved channels of `bits` each.
inline std::vector<TiffTag> tiff_tags(std::uint32_t height, std::uint32_t width, std::uint32_t channels,
                                      std::uint32_t bits) {
  return {{256, {width}},
          {257, {height}},
          {258, std::vector<std::uint32_t>(channels, bits)},
          {259, {1}},
          {262, {channels > 2 ? 2U : 1U}},
          {277, {channels}},
          {278, {height}},
          {279, {height * width * channels * bits / 8}}};
}

inline std::string as_bytes(const Image& image) { return {image.pixels.begin(), image.pixels.end()}; }

inline std::string tiff_of(const Image& image, std::uint32_t orientation) {
  auto tags =
      tiff_tags(static_cast<std::uint32_t>(image.height), static_cast<std::uint32_t>(image.width), 3, 8);
  tags.push_back({274, {orientation}});
  return tiff(tags, as_bytes(image));
}

/// EXIF data with one entry, the orientation; big-endian.
inline std::string exif(int orientation) {
  std::string bytes("MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0?\0\0\0\0\0\0", 26);
  bytes[19] = static_cast<char>(orientation);
  return bytes;
}

inline std::string png_chunk(const std::string& type, const std::string& data) {
  const std::string checked = type + data;
  const uLong crc =
      crc32(0, reinterpret_cast<const Bytef*>(checked.data()), static_cast<uInt>(checked.size()));
  std::string sizes[2] = {little_endian(static_cast<std::uint32_t>(data.size()), 4),
                          little_endian(static_cast<std::uint32_t>(crc), 4)};
  for (std::string& size : sizes) {
    std::reverse(size.begin(), size.end());
  }
  return sizes[0] + checked + sizes[1];
}

/// Behind the header and its chunk.
inline std::string with_png_chunk(const std::string& png, const std::string& type, const std::string& data) {
  constexpr std::size_t kHeaderEnd = 33;
  return png.substr(0, kHeaderEnd) + png_chunk(type, data) + png.substr(kHeaderEnd);
}

inline std::string with_jpeg_exif(const std::string& jpeg, int orientation) {
  const std::string data = std::string("Exif\0\0", 6) + exif(orientation);
  return jpeg.substr(0, 2) + std::string("\xFF\xE1\0", 3) + static_cast<char>(data.size() + 2) + data +
         jpeg.substr(2);
}

}  // namespace medisyn
