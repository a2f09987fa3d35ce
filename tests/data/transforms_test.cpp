#include "medisyn/data/transforms.h"

#include <cmath>

#include "../expect_error.h"

namespace medisyn {
namespace {

TEST(Transforms, EveryByteComesBack) {
  Image image{16, 16, {}};
  for (int i = 0; i < 256; ++i) {
    image.pixels.insert(image.pixels.end(), {static_cast<std::uint8_t>(i), static_cast<std::uint8_t>(255 - i),
                                             static_cast<std::uint8_t>(7)});
  }
  const torch::Tensor tensor = to_tensor(image);
  EXPECT_EQ(tensor.sizes(), (torch::IntArrayRef{3, 16, 16}));
  EXPECT_EQ(tensor[0][0][0].item<float>(), -1.0F);
  EXPECT_EQ(tensor[0][15][15].item<float>(), 1.0F);
  EXPECT_EQ(tensor[1][0][0].item<float>(), 1.0F);
  EXPECT_EQ(to_image(tensor), image);
}

TEST(Transforms, ValuesAreClampedAndRounded) {
  torch::Tensor tensor = torch::zeros({3, 1, 2});
  tensor[0][0][0] = -7.0;
  tensor[1][0][0] = 7.0;
  tensor[2][0][0] = 100.4 / 127.5 - 1.0;
  tensor[2][0][1] = 100.6 / 127.5 - 1.0;
  const Image image = to_image(tensor);
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{0, 255, 100, 128, 128, 101}));
  EXPECT_EQ(to_image(tensor.to(torch::kFloat64)), image);
}

TEST(Transforms, NanIsNoBlackPicture) {
  EXPECT_ERROR(to_image(torch::full({3, 4, 5}, NAN)), "a picture of 5 x 4 holds NaN values");
  EXPECT_ANY_THROW(to_image(torch::zeros({1, 4, 4})));
}

}  // namespace
}  // namespace medisyn
