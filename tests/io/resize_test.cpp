#include "medisyn/io/resize.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>

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

TEST(Resize, RefusesEmptySizes) { EXPECT_ERROR(resize(pattern(4, 4), 0, 4), "at least 1, found 0 x 4"); }

}  // namespace
}  // namespace medisyn
