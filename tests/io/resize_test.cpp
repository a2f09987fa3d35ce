#include "medisyn/io/resize.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

#include "../../src/io/resize_passes.h"
#include "../expect_error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

/// The picture of scripts/golden/resize.py.
Image pattern(int height, int width) {
  Image image{height, width, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int value = x * 7 + y * 13 + c * 29 + (x * y) % 11 * 19 + (x / 5 + y / 3) % 2 * 90;
        image.pixels.push_back(static_cast<std::uint8_t>(value % 256));
      }
    }
  }
  return image;
}

TEST(Resize, EqualsPilByteForByte) {
  constexpr std::array<std::array<int, 4>, 5> kCases{
      {{37, 53, 16, 20}, {9, 7, 32, 33}, {64, 40, 64, 17}, {130, 128, 64, 64}, {5, 90, 31, 3}}};
  for (const auto& [height, width, new_height, new_width] : kCases) {
    const std::string name = fmt::format("resize_{}x{}_{}x{}.png", height, width, new_height, new_width);
    const Image expected = read_image(fs::path(MEDISYN_TEST_DATA) / name);
    EXPECT_EQ(resize(pattern(height, width), new_height, new_width), expected) << name;
  }
}

TEST(Resize, SameSizeIsTheSamePicture) {
  const Image image = pattern(21, 34);
  EXPECT_EQ(resize(image, 21, 34), image);
}

TEST(Resize, ConstantStaysConstant) {
  const Image grey{50, 70, std::vector<std::uint8_t>(50 * 70 * 3, 137)};
  for (const std::uint8_t value : resize(grey, 13, 101).pixels) {
    ASSERT_EQ(value, 137);
  }
}

TEST(Resize, FloatAgreesWithBytesWhereNothingIsClamped) {
  Image image = pattern(60, 48);
  for (std::uint8_t& value : image.pixels) {
    value = static_cast<std::uint8_t>(96 + value / 4);  // the kernel's overshoot stays inside 0..255
  }
  const Image bytes = resize(image, 25, 31);
  const torch::Tensor planes = torch::from_blob(image.pixels.data(), {60, 48, 3}, torch::kUInt8)
                                   .permute({2, 0, 1})
                                   .to(torch::kFloat32);
  const torch::Tensor floats = resize_float(planes, 25, 31);
  for (int y = 0; y < 25; ++y) {
    for (int x = 0; x < 31; ++x) {
      for (int c = 0; c < 3; ++c) {
        const int byte = bytes.pixels[static_cast<std::size_t>((y * 31 + x) * 3 + c)];
        ASSERT_NEAR(floats[c][y][x].item<float>(), byte, 1.01) << y << " " << x << " " << c;
      }
    }
  }
}

TEST(Resize, CropsTheCentreOfTheLongerSide) {
  Image image{10, 30, std::vector<std::uint8_t>(10 * 30 * 3, 0)};
  for (int y = 0; y < 10; ++y) {
    for (int x = 10; x < 20; ++x) {
      image.pixels[static_cast<std::size_t>((y * 30 + x) * 3)] = 200;  // a red square in the middle
    }
  }
  const Image square = resize_and_crop(image, 10);
  ASSERT_EQ(square.height, 10);
  ASSERT_EQ(square.width, 10);
  EXPECT_EQ(square, crop(image, 0, 10, 10, 10));
}

TEST(Resize, WhatIsCutOffIsNotMissed) {
  constexpr std::array<std::array<int, 3>, 6> kCases{
      {{37, 53, 16}, {53, 37, 16}, {40, 41, 40}, {41, 40, 40}, {9, 30, 21}, {200, 7, 3}}};
  for (const auto& [height, width, size] : kCases) {
    const int smaller = std::min(height, width);
    const int new_height = std::max(size, (2 * height * size + smaller) / (2 * smaller));
    const int new_width = std::max(size, (2 * width * size + smaller) / (2 * smaller));
    const Image whole = resize(pattern(height, width), new_height, new_width);
    EXPECT_EQ(resize_and_crop(pattern(height, width), size),
              crop(whole, (new_height - size) / 2, (new_width - size) / 2, size, size))
        << height << "x" << width << " -> " << size;
  }
}

TEST(Resize, EveryMachineMakesTheSameBytes) {
  constexpr std::array<std::array<int, 3>, 5> kCases{
      {{8, 61, 30}, {3, 40, 97}, {17, 5, 21}, {30, 100, 3}, {1, 1, 9}}};
  for (const auto& [height, width, size] : kCases) {
    const Image image = pattern(height, width);
    const std::size_t stride = static_cast<std::size_t>(width) * 3, rows = static_cast<std::size_t>(height);
    const Rows all{image.pixels.data(), stride, rows};
    const Taps along(width, size, size / 3, size), down(height, size, size / 3, size);
    std::vector<std::uint8_t> plain(rows * along.outputs.size() * 3), fast(plain.size());
    resize_along_rows_plainly(all, along, plain.data());
    resize_along_rows(all, along, fast.data());
    EXPECT_EQ(plain, fast) << "rows, " << height << "x" << width;
    const Rows used{image.pixels.data() + down.first_input() * stride, stride, rows - down.first_input()};
    plain.assign(stride * down.outputs.size(), 0);
    fast.assign(plain.size(), 0);
    resize_down_columns_plainly(used, stride, down, plain.data());
    resize_down_columns(used, stride, down, fast.data());
    EXPECT_EQ(plain, fast) << "columns, " << height << "x" << width;
  }
}

TEST(Resize, RefusesEmptySizes) { EXPECT_ERROR(resize(pattern(4, 4), 0, 4), "at least 1, found 0 x 4"); }

}  // namespace
}  // namespace medisyn
