#include "medisyn/eval/memorization.h"

#include <torch/types.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/io/resize.h"

namespace medisyn {
namespace {

const ImageKind kCt{"Radiology", "CT"};
const ImageKind kXray{"Radiology", "X-ray"};

TEST(FindNearest, SearchesAllImagesOfTheSameKind) {
  const KindFeatures training{torch::tensor({{1.0F, 0.0F}, {0.9F, 0.1F}, {0.0F, 1.0F}, {0.6F, 0.8F}}),
                              {kXray, kCt, kCt, kXray}};
  const KindFeatures images{torch::tensor({{0.0F, 2.0F}, {3.0F, 0.0F}, {1.0F, 0.0F}}), {kXray, kCt, kXray}};
  const std::vector<NearestPair> nearest = find_nearest(images, training, 1);
  ASSERT_EQ(nearest.size(), 3U);
  EXPECT_EQ(nearest[0].training, 3);  // 2 is nearer, and a CT
  EXPECT_NEAR(nearest[0].cosine, 0.8, 1e-6);
  EXPECT_EQ(nearest[1].training, 1);
  EXPECT_EQ(nearest[2].training, 0);

  const std::vector<NearestPair> all = find_nearest(images, training, 5);
  ASSERT_EQ(all.size(), 6U);  // there are two of each kind
  for (std::size_t i = 0; i < all.size(); ++i) {
    EXPECT_EQ(all[i].image, static_cast<std::int64_t>(i / 2));
    EXPECT_EQ(all[i].rank, static_cast<std::int64_t>(i % 2 + 1));
  }
  EXPECT_EQ(all[1].training, 0);
  EXPECT_ERROR(find_nearest({images.rows, {kCt, {"Surgery", "Laparoscopy"}, kCt}}, training, 1),
               "Surgery, Laparoscopy: expected training images of this specialty and image type, found none");
}

Image pattern(int height, int width, int seed) {
  Image image{height, width, {}};
  for (int i = 0; i < height * width * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>((i * i / 7 + i * seed) % 251));
  }
  return image;
}

TEST(MeasureDistances, BringsBothPicturesToOneSize) {
  const fs::path folder = fresh_folder();
  const Image real = pattern(90, 120, 3);
  write_file(folder / "real.png", encode_png(real));
  write_file(folder / "copy.png", encode_png(resize_and_crop(real, 32)));
  write_file(folder / "other.png", encode_png(pattern(32, 32, 11)));
  const std::vector<ImageSource> images = {folder / "copy.png", folder / "other.png"};
  const std::vector<ImageSource> training = {folder / "real.png"};
  std::vector<NearestPair> pairs = {{.image = 0}, {.image = 1}};
  std::int64_t done = 0;
  measure_distances(pairs, images, training, {.extended = true}, [&](std::int64_t n) { done = n; });
  EXPECT_EQ(done, 2);
  EXPECT_EQ(pairs[0].distance, 0);
  EXPECT_EQ(pairs[0].least.distance, 0);
  EXPECT_GT(pairs[1].distance, 0.2);
  EXPECT_LE(pairs[1].least.distance, pairs[1].distance);
  EXPECT_EQ(pairs[1].distance, patch_distance(resize_and_crop(real, 32), pattern(32, 32, 11)));
  measure_distances(pairs, images, training, {.image_pixels = 20});
  EXPECT_EQ(pairs[1].distance,
            patch_distance(resize_and_crop(real, 20), resize_and_crop(pattern(32, 32, 11), 20)));
}

TEST(MeasureDistances, UnreadableAndTinyPicturesAreNamed) {
  const fs::path folder = fresh_folder();
  write_file(folder / "tiny.png", encode_png(pattern(15, 20, 1)));
  write_file(folder / "good.png", encode_png(pattern(20, 20, 1)));
  write_file(folder / "broken.png", "no picture");
  std::vector<NearestPair> pairs(1);
  EXPECT_ERROR(measure_distances(pairs, {folder / "tiny.png"}, {folder / "good.png"}, {}),
               "tiny.png: expected at least 16 x 16 pixels to compare, found 20 x 15");
  EXPECT_ERROR(measure_distances(pairs, {folder / "good.png"}, {folder / "broken.png"}, {}), "broken.png");
  EXPECT_ERROR(measure_distances(pairs, {folder / "none.png"}, {folder / "good.png"}, {}), "none.png");
}

}  // namespace
}  // namespace medisyn
