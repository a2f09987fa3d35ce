// Against torch's F.interpolate and the formulas; tests/features/inception_parity_test.cpp compares with the
// references themselves.
#include "medisyn/io/bilinear.h"

#include <gtest/gtest.h>
#include <torch/nn/functional.h>

#include <cmath>
#include <vector>

#include "../expect_error.h"

namespace medisyn {
namespace {

Image noise(int height, int width) {
  Image image{height, width, {}};
  for (int i = 0; i < height * width * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>((i * 7919 + i * i % 613) % 256));
  }
  return image;
}

torch::Tensor planes(const Image& image) {
  return torch::tensor(std::vector<float>(image.pixels.begin(), image.pixels.end()))
      .view({image.height, image.width, 3})
      .permute({2, 0, 1})
      .unsqueeze(0);
}

std::vector<float> resized(const Image& image, int size, BilinearGrid grid) {
  std::vector<float> out(static_cast<std::size_t>(size) * static_cast<std::size_t>(size) * 3);
  resize_bilinear(image, size, grid, out.data());
  return out;
}

TEST(Bilinear, HalfPixelEqualsInterpolate) {
  namespace F = torch::nn::functional;
  for (const auto& [height, width, size] :
       {std::array{40, 31, 17}, {9, 30, 64}, {29, 29, 29}, {1, 1, 5}, {3, 200, 20}}) {
    const Image image = noise(height, width);
    const torch::Tensor expected =
        F::interpolate(planes(image), F::InterpolateFuncOptions()
                                          .size(std::vector<std::int64_t>{size, size})
                                          .mode(torch::kBilinear)
                                          .align_corners(false))
            .squeeze(0)
            .permute({1, 2, 0})
            .contiguous();
    const torch::Tensor found =
        torch::tensor(resized(image, size, BilinearGrid::kHalfPixel)).view({size, size, 3});
    EXPECT_LT((found - expected).abs().max().item<float>(), 2e-4)
        << height << " x " << width << " to " << size;
  }
}

TEST(Bilinear, CornerGridBeginsAtTheCornerAndRepeatsTheLastPixel) {
  const Image ramp{1, 4, {0, 0, 0, 40, 40, 40, 80, 80, 80, 120, 120, 120}};
  const std::vector<float> wide = resized(ramp, 8, BilinearGrid::kCorner);
  for (const auto& [x, value] :
       {std::pair{0, 0.F}, {1, 20.F}, {2, 40.F}, {5, 100.F}, {6, 120.F}, {7, 120.F}}) {
    EXPECT_FLOAT_EQ(wide[static_cast<std::size_t>(x) * 3], value) << x;
  }
  const std::vector<float> narrow = resized(ramp, 2, BilinearGrid::kCorner);
  EXPECT_FLOAT_EQ(narrow[0], 0);
  EXPECT_FLOAT_EQ(narrow[3], 80);
}

TEST(Bilinear, RefusesNothing) {
  EXPECT_ERROR(resized(Image{}, 4, BilinearGrid::kCorner), "expected a height and width of at least 1");
}

}  // namespace
}  // namespace medisyn
