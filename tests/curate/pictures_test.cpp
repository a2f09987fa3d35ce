// Crops, tiles and held-out regions of pictures.
#include <fmt/format.h>

#include <set>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/log.h"
#include "medisyn/curate/curate.h"
#include "medisyn/data/manifest.h"
#include "miniature.h"

namespace medisyn {
namespace {

/// 40 x 80 pixels whose red and green tell the place; the rightmost 8 columns are black.
Image map_picture() {
  Image image{40, 80, {}};
  for (int y = 0; y < 40; ++y) {
    for (int x = 0; x < 80; ++x) {
      const bool is_black = x >= 72;
      image.pixels.push_back(static_cast<std::uint8_t>(is_black ? 0 : 100 + x));
      image.pixels.push_back(static_cast<std::uint8_t>(is_black ? 0 : 100 + y));
      image.pixels.push_back(0);
    }
  }
  return image;
}

Manifest curated(const std::string& more) {
  set_quiet(true);
  const fs::path folder = fresh_folder();
  fs::create_directories(folder / "eye");
  write_file(folder / "eye/a.png", encode_png(map_picture()));
  const std::string yaml = fmt::format(
      "root: {}\nsize: 8\nrepositories:\n  - name: eye\n    reader: picture\n    path: eye\n"
      "    specialty: Ophthalmology\n    image_type: Fundoscopy\n    source: made up\n    licence: CC0-1.0\n"
      "    patient: {{fixed: one}}\n{}",
      folder.string(), more);
  write_file(folder / "c.yaml", yaml);
  RunRecord record("medisyn curate");
  Communicator alone;
  curate(read_config<CurateConfig>(folder / "c.yaml"), folder / "out", alone, 2, record);
  return read_manifest(folder / "out");
}

TEST(Pictures, TilesLieWhereTheyShould) {
  const Manifest manifest = curated(
      "    caption: \"{tile}, {row} {column}\"\n    split: {rule: region, from: 0.5}\n"
      "    tiles: [{name: view, size: 8, stride: 16}]\n");
  // Rows 0, 16, 32 and columns 0, 16, 32 in training, 48, 64 held out; 32 ends at the border of 40.
  ASSERT_EQ(manifest.records.size(), 15U);
  std::set<std::string> test;
  for (const Record& record : manifest.records) {
    const Image image = read_image(image_path(manifest, record));
    const int left = image.pixels[0] - 100;
    EXPECT_EQ(record.split, left >= 40 ? "test" : "train");
    const int top = image.pixels[1] - 100;
    EXPECT_EQ(record.id, fmt::format("eye-a-view-{:04}-{:04}", top, left));
  }
  EXPECT_EQ(manifest.records[0].text, "View, upper left");
  EXPECT_EQ(manifest.records[14].text, "View, lower right");
}

TEST(Pictures, TilesAcrossTheBorderAreDropped) {
  const Manifest manifest = curated(
      "    caption: eye\n    split: {rule: region, from: 0.5}\n    tiles: [{size: 16, stride: 12}]\n");
  for (const Record& record : manifest.records) {
    const int left = read_image(image_path(manifest, record)).pixels[0] - 100;
    EXPECT_TRUE(left + 16 <= 41 || left >= 39) << record.id;  // one pixel of bicubic overshoot
  }
  EXPECT_EQ(manifest.records.size(), 3U * 5U);  // columns 0, 12, 24 | 48, 60; 36 lies across
}

TEST(Pictures, BlankTilesAreLeftOut) {
  const std::string tiles = "    caption: eye\n    split: {rule: all}\n    tiles: [{size: 8, stride: 8}]\n";
  EXPECT_EQ(curated(tiles).records.size(), 46U);  // 45 and one of five black ones: the rest are duplicates
  EXPECT_EQ(curated(tiles + "    min_foreground: 0.5\n").records.size(), 45U);
}

TEST(Pictures, CropComesFirstAndMustFit) {
  const Manifest manifest = curated("    caption: eye\n    split: {rule: all}\n    crop: [10, 20, 8, 8]\n");
  const Image image = read_image(image_path(manifest, manifest.records[0]));
  EXPECT_EQ(image, crop(map_picture(), 10, 20, 8, 8));
  EXPECT_ERROR(curated("    caption: eye\n    crop: [10, 20, 80, 8]\n"),
               "reaches beyond a picture of 80 x 40");
}

}  // namespace
}  // namespace medisyn
