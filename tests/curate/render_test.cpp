#include <gtest/gtest.h>

#include <cmath>

#include "medisyn/curate/shot.h"

namespace medisyn {
namespace {

int value(const Image& image, int y, int x) {
  return image.pixels[static_cast<std::size_t>((y * image.width + x) * 3)];
}

TEST(RenderSlice, WindowMapsItsEndsToBlackAndWhite) {
  const Slice slice{2, 2, 1.0, 1.0, {-1000, -160, 240, 40}};
  const Image image = render_slice(slice, -160, 240, 2);
  EXPECT_EQ(value(image, 0, 0), 0);
  EXPECT_EQ(value(image, 0, 1), 0);
  EXPECT_EQ(value(image, 1, 0), 255);
  EXPECT_EQ(value(image, 1, 1), 128);
}

TEST(RenderSlice, PhysicalAspectRatioIsKept) {
  // 4 rows of 5 mm by 20 columns of 2 mm: 20 x 40 mm, so half the height of a square picture.
  const Slice slice{4, 20, 5.0, 2.0, std::vector<float>(80, 1.0F)};
  const Image image = render_slice(slice, 0, 1, 32);
  int white_rows = 0;
  for (int y = 0; y < 32; ++y) {
    const bool is_white = value(image, y, 16) == 255;
    EXPECT_EQ(is_white, y >= 8 && y < 24) << y;
    white_rows += is_white ? 1 : 0;
    EXPECT_EQ(value(image, y, 0), value(image, y, 31));
  }
  EXPECT_EQ(white_rows, 16);
}

TEST(RenderSlice, NanIsBlack) {
  const Slice slice{1, 1, 1.0, 1.0, {NAN}};
  EXPECT_EQ(value(render_slice(slice, 0, 1, 1), 0, 0), 0);
}

}  // namespace
}  // namespace medisyn
