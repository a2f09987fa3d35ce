#include "medisyn/train/picture_cache.h"

#include <thread>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/io/resize.h"

namespace medisyn {
namespace {

constexpr std::int64_t kSide = 24;
constexpr std::int64_t kPictureBytes = kSide * kSide * 3;

class Pictures : public testing::Test {
 protected:
  void SetUp() override {
    for (int number = 0; number < 4; ++number) {
      Image image{40, 60, {}};
      for (int i = 0; i < 40 * 60 * 3; ++i) {
        image.pixels.push_back(static_cast<std::uint8_t>(i * (number + 7) % 251));
      }
      images_.push_back(image);
      files_.push_back(folder_ / (std::to_string(number) + ".png"));
      write_file(files_.back(), encode_png(image));
    }
  }

  fs::path folder_ = fresh_folder();
  std::vector<Image> images_;
  std::vector<fs::path> files_;
};

TEST_F(Pictures, AreFitted) {
  PictureCache cropped(kSide, "crop", 1 << 20);
  PictureCache stretched(kSide, "stretch", 1 << 20);
  EXPECT_EQ(*cropped.get(files_[0]), resize_and_crop(images_[0], kSide));
  EXPECT_EQ(*stretched.get(files_[0]), resize(images_[0], kSide, kSide));
  EXPECT_NE(*cropped.get(files_[0]), *stretched.get(files_[0]));
}

TEST_F(Pictures, AreDecodedOnceAsFarAsTheyFit) {
  PictureCache pictures(kSide, "crop", 2 * kPictureBytes + 1);
  for (int round = 0; round < 3; ++round) {
    for (const fs::path& file : files_) {
      EXPECT_EQ(pictures.get(file)->pixels.size(), static_cast<std::size_t>(kPictureBytes));
    }
  }
  EXPECT_EQ(pictures.decoded(), 2 + 3 * 2);  // two are kept
  EXPECT_EQ(pictures.get(files_[0]), pictures.get(files_[0]));
  EXPECT_NE(pictures.get(files_[3]), pictures.get(files_[3]));
}

TEST_F(Pictures, OfAShardAreToldApart) {
  const std::string first = encode_png(images_[0]);
  const std::string second = encode_png(images_[1]);
  write_file(folder_ / "shard", first + second);
  PictureCache pictures(kSide, "stretch", 1 << 20);
  const ImageSource of_first(folder_ / "shard", 0, first.size(), "a");
  const ImageSource of_second(folder_ / "shard", first.size(), second.size(), "a");
  EXPECT_EQ(*pictures.get(of_first), *pictures.get(files_[0]));
  EXPECT_EQ(*pictures.get(of_second), *pictures.get(files_[1]));
}

TEST_F(Pictures, ManyThreadsMayAsk) {
  PictureCache pictures(kSide, "crop", 1 << 20);
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([&] {
      for (int i = 0; i < 40; ++i) {
        pictures.get(files_[static_cast<std::size_t>(i) % files_.size()]);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_LE(pictures.decoded(), 16);
  const std::int64_t before = pictures.decoded();
  EXPECT_EQ(*pictures.get(files_[2]), resize_and_crop(images_[2], kSide));
  EXPECT_EQ(pictures.decoded(), before);
}

TEST_F(Pictures, ThatCannotBeReadAreNamed) {
  PictureCache pictures(kSide, "crop", 1 << 20);
  EXPECT_ERROR(pictures.get(folder_ / "none.png"), "none.png");
  write_file(folder_ / "bad.png", "no picture");
  EXPECT_ERROR(pictures.get(folder_ / "bad.png"), "bad.png");
}

}  // namespace
}  // namespace medisyn
