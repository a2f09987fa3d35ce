#include "medisyn/eval/pair_scores.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/eval/ms_ssim.h"
#include "medisyn/eval/random_pairs.h"

namespace medisyn {
namespace {

fs::path write_picture(const fs::path& file, int height, int width, int seed) {
  Image image{height, width, {}};
  for (int i = 0; i < height * width * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>((i / 7 * seed + i % 3 * 40) % 256));
  }
  write_file(file, encode_png(image));
  return file;
}

TEST(PairScores, AreTheSameWithMemoryForAllAndForTwo) {
  const fs::path folder = fresh_folder();
  std::vector<ImageSource> images;
  for (int i = 0; i < 9; ++i) {
    images.push_back(write_picture(folder / (std::to_string(i) + ".png"), 41, 44, i + 1));
  }
  const auto pairs = random_pairs(9, 20, 0);
  std::int64_t reported = 0;
  const auto scores = score_pairs(images, pairs, {.scales = 3}, [&](std::int64_t done) { reported = done; });
  EXPECT_EQ(reported, 20);
  for (const std::int64_t memory : {1, 200'000, 500'000}) {
    EXPECT_EQ(score_pairs(images, pairs, {.scales = 3, .memory_bytes = memory}), scores) << memory;
  }
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    const auto [a, b] = pairs[i];
    EXPECT_EQ(scores[i], ms_ssim(prepare_ms_ssim(read_image(images[static_cast<std::size_t>(a)]), 3),
                                 prepare_ms_ssim(read_image(images[static_cast<std::size_t>(b)]), 3)));
  }
}

TEST(PairScores, UnsuitableImagesAreNamed) {
  const fs::path folder = fresh_folder();
  const fs::path good = write_picture(folder / "good.png", 64, 64, 3);
  const fs::path wide = write_picture(folder / "wide.png", 64, 80, 3);
  const fs::path broken = folder / "broken.png";
  write_file(broken, "no picture");
  EXPECT_ERROR(score_pairs({good, wide}, {{0, 1}}, {.scales = 3}), "wide.png: expected 64 x 64 pixels as ");
  EXPECT_ERROR(score_pairs({good, good}, {{0, 1}}, {.scales = 5}),
               "good.png: 64 x 64 pixels are too few for 5 scales, which need 161: give a smaller --scales");
  EXPECT_LT(score_pairs({good, wide}, {{0, 1}}, {.scales = 3, .square_pixels = 48})[0], 1);
  EXPECT_ERROR(score_pairs({good, broken}, {{0, 1}}, {.scales = 3}), "broken.png");
}

}  // namespace
}  // namespace medisyn
