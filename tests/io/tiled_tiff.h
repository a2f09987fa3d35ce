// Tiled TIFF files written by hand: the simplest that OpenSlide knows.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace medisyn {

inline constexpr std::uint32_t kTile = 32;

using Pixel = std::array<std::uint8_t, 4>;  ///< red, green, blue, alpha

struct TiffLevel {
  std::uint32_t height = 0, width = 0;
  std::function<Pixel(std::uint32_t row, std::uint32_t column)> pixel;
};

inline void put_number(std::string& bytes, std::uint32_t value, int count = 4) {
  for (int i = 0; i < count; ++i) {
    bytes.push_back(static_cast<char>(value >> (8 * i) & 255U));
  }
}

struct Tag {
  std::uint16_t number, type;  ///< type 2: text, 3: 16 bit, 4: 32 bit
  std::vector<std::uint32_t> values;
};

/// The directory of one level behind the bytes written so far; its last four bytes are the next one's place.
inline void put_directory(std::string& file, const std::vector<Tag>& tags) {
  std::string entries, apart;
  const std::size_t apart_at = file.size() + 2 + 12 * tags.size() + 4;
  for (const Tag& tag : tags) {
    const int width = tag.type == 2 ? 1 : tag.type == 3 ? 2 : 4;
    std::string values;
    for (const std::uint32_t value : tag.values) {
      put_number(values, value, width);
    }
    put_number(entries, tag.number, 2);
    put_number(entries, tag.type, 2);
    put_number(entries, static_cast<std::uint32_t>(tag.values.size()));
    if (values.size() <= 4) {
      values.resize(4, '\0');
      entries += values;
    } else {
      put_number(entries, static_cast<std::uint32_t>(apart_at + apart.size()));
      apart += values;
    }
  }
  put_number(file, static_cast<std::uint32_t>(tags.size()), 2);
  file += entries;
  const std::size_t next_at = file.size();
  put_number(file, 0);
  file += apart;
  put_number(file, static_cast<std::uint32_t>(next_at));  // read back and cut off by tiff_bytes()
}

/// Uncompressed tiles of one level, appended to the file; their places.
inline std::vector<std::uint32_t> put_tiles(std::string& file, const TiffLevel& level,
                                            std::uint32_t channels) {
  std::vector<std::uint32_t> offsets;
  for (std::uint32_t top = 0; top < level.height; top += kTile) {
    for (std::uint32_t left = 0; left < level.width; left += kTile) {
      offsets.push_back(static_cast<std::uint32_t>(file.size()));
      for (std::uint32_t i = 0; i < kTile * kTile; ++i) {
        const Pixel pixel = level.pixel(top + i / kTile, left + i % kTile);
        file.append(reinterpret_cast<const char*>(pixel.data()), channels);
      }
    }
  }
  return offsets;
}

/// Little-endian TIFF with a directory for each level, RGB or RGBA with alpha not yet multiplied in.
inline std::string tiff_bytes(const std::vector<TiffLevel>& levels, std::uint32_t channels = 3,
                              const std::string& description = "none") {
  std::string file("II*\0\0\0\0\0", 8);
  std::size_t link = 4;
  const char* text = description.c_str();  // with the zero at its end
  for (std::size_t i = 0; i < levels.size(); ++i) {
    const std::vector<std::uint32_t> offsets = put_tiles(file, levels[i], channels);
    std::string here;
    put_number(here, static_cast<std::uint32_t>(file.size()));
    file.replace(link, 4, here);
    std::vector<Tag> tags{{254, 4, {i == 0 ? 0U : 1U}},
                          {256, 4, {levels[i].width}},
                          {257, 4, {levels[i].height}},
                          {258, 3, std::vector<std::uint32_t>(channels, 8)},
                          {259, 3, {1}},
                          {262, 3, {2}},
                          {270, 2, std::vector<std::uint32_t>(text, text + description.size() + 1)},
                          {277, 3, {channels}},
                          {284, 3, {1}},
                          {322, 4, {kTile}},
                          {323, 4, {kTile}},
                          {324, 4, offsets},
                          {325, 4, std::vector<std::uint32_t>(offsets.size(), kTile * kTile * channels)}};
    if (channels == 4) {
      tags.push_back({338, 3, {2}});
    }
    put_directory(file, tags);
    link = 0;
    for (int k = 3; k >= 0; --k) {
      link = link << 8U | static_cast<unsigned char>(file[file.size() - 4 + static_cast<std::size_t>(k)]);
    }
    file.resize(file.size() - 4);
  }
  return file;
}

}  // namespace medisyn
