#include "medisyn/data/dataset.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/data/transforms.h"
#include "medisyn/io/resize.h"
#include "medisyn/io/tar.h"

namespace medisyn {
namespace {

Image gradient(int height, int width) {
  Image image{height, width, {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.pixels.insert(image.pixels.end(),
                          {static_cast<std::uint8_t>(y), static_cast<std::uint8_t>(x), 7});
    }
  }
  return image;
}

class Dataset : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fresh_folder();
    add("square", gradient(16, 16));
    add("wide", gradient(40, 100));
    add("tall", gradient(90, 30));
  }
  void add(const std::string& id, const Image& image) {
    write_file(folder_ / (id + ".png"), encode_png(image));
    manifest_.root = folder_;
    manifest_.records.emplace_back();
    manifest_.records.back().file_name = id + ".png";
    manifest_.records.back().id = id;
  }

  fs::path folder_;
  Manifest manifest_;
};

TEST_F(Dataset, ImagesOfTheRightSizeStayAsTheyAre) {
  const ImageDataset dataset(manifest_, 16);
  const Pictures pictures = dataset.pictures({0});
  EXPECT_TRUE(torch::equal(pictures.pixels[0], to_tensor(gradient(16, 16))));
  EXPECT_TRUE(torch::equal(pictures.time_ids[0], torch::tensor({16.F, 16.F, 0.F, 0.F, 16.F, 16.F})));
}

TEST_F(Dataset, OthersAreResizedByTheirShorterSideAndCutInTheMiddle) {
  const ImageDataset dataset(manifest_, 20);
  const Pictures pictures = dataset.pictures({1, 2});
  // 40 x 100 -> 20 x 50, 15 cut on the left; 90 x 30 -> 60 x 20, 20 cut on top.
  EXPECT_TRUE(
      torch::equal(pictures.pixels[0], to_tensor(crop(resize(gradient(40, 100), 20, 50), 0, 15, 20, 20))));
  EXPECT_TRUE(
      torch::equal(pictures.pixels[1], to_tensor(crop(resize(gradient(90, 30), 60, 20), 20, 0, 20, 20))));
  EXPECT_TRUE(torch::equal(pictures.time_ids, torch::tensor({{40.F, 100.F, 0.F, 15.F, 20.F, 20.F},
                                                             {90.F, 30.F, 20.F, 0.F, 20.F, 20.F}})));
}

TEST_F(Dataset, KeptImagesAreThoseOfTheFirstReading) {
  const ImageDataset dataset(manifest_, 16);
  const torch::Tensor first = dataset.pictures({0, 1}).pixels;
  fs::remove(folder_ / "square.png");
  EXPECT_TRUE(torch::equal(dataset.pictures({0, 1}).pixels, first));
}

TEST_F(Dataset, ShardsAreReadAsFilesAre) {
  Manifest sharded = manifest_;
  TarWriter tar(folder_ / "s.tar");
  for (Record& record : sharded.records) {
    const std::string bytes = read_file(folder_ / record.file_name);
    record.shard = {.file = "s.tar", .begin = tar.add(record.file_name, bytes), .bytes = bytes.size()};
  }
  tar.commit();
  const Pictures expected = ImageDataset(manifest_, 20).pictures({2, 0, 1});
  for (const Record& record : sharded.records) {
    fs::remove(folder_ / record.file_name);
  }
  const Pictures found = ImageDataset(sharded, 20).pictures({2, 0, 1});
  EXPECT_TRUE(torch::equal(found.pixels, expected.pixels));
  EXPECT_TRUE(torch::equal(found.time_ids, expected.time_ids));
  fs::resize_file(folder_ / "s.tar", 600);
  EXPECT_ERROR(ImageDataset(sharded, 20).pictures({2}), "s.tar/tall.png: expected ");
  sharded.records[1].shard.begin += 1;
  EXPECT_ERROR(ImageDataset(sharded, 20).pictures({1}), "s.tar/wide.png");
}

TEST_F(Dataset, BrokenImagesAreNamed) {
  write_file(folder_ / "tall.png", "no picture");
  const ImageDataset dataset(manifest_, 16);
  EXPECT_ERROR(dataset.pictures({2}), "tall.png");
  EXPECT_ERROR(ImageDataset(Manifest{folder_, {}}, 16), "no image is left");
}

}  // namespace
}  // namespace medisyn
