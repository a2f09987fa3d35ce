// Slides, out of tiled TIFF files written by hand.
#include "medisyn/io/slide.h"

#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <thread>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../mutations.h"
#include "medisyn/core/files.h"
#include "medisyn/io/resize.h"
#include "tiled_tiff.h"

namespace medisyn {
namespace {

Pixel by_place(std::uint32_t row, std::uint32_t column) {
  return {static_cast<std::uint8_t>(row * 2), static_cast<std::uint8_t>(column),
          static_cast<std::uint8_t>(row ^ column), 255};
}

TiffLevel of_one_colour(std::uint32_t height, std::uint32_t width, Pixel colour) {
  return {height, width, [colour](std::uint32_t, std::uint32_t) { return colour; }};
}

fs::path slide_of(const std::string& bytes) {
  const fs::path path = fresh_folder() / "slide.tif";
  write_file(path, bytes);
  return path;
}

Image square_by_place(std::uint32_t top, std::uint32_t left, std::uint32_t side) {
  Image image{static_cast<int>(side), static_cast<int>(side), {}};
  for (std::uint32_t i = 0; i < side * side; ++i) {
    const Pixel pixel = by_place(top + i / side, left + i % side);
    image.pixels.insert(image.pixels.end(), pixel.begin(), pixel.begin() + 3);
  }
  return image;
}

TEST(Slide, GivesSquaresPixelByPixel) {
  const Slide slide(slide_of(tiff_bytes({{96, 160, by_place}})));
  EXPECT_EQ(slide.info().height, 96);
  EXPECT_EQ(slide.info().width, 160);
  EXPECT_EQ(slide.info().microns_per_pixel, 0);
  EXPECT_EQ(slide.read(0, 0, 96, 96), square_by_place(0, 0, 96));
  EXPECT_EQ(slide.read(5, 41, 70, 70), square_by_place(5, 41, 70)) << "across tiles";
  EXPECT_EQ(slide.read(95, 159, 1, 1), square_by_place(95, 159, 1));
}

TEST(Slide, TellsMicronsPerPixel) {
  const std::string bytes =
      tiff_bytes({{96, 160, by_place}}, 3, "Aperio Image Library v1\r\n160x96|AppMag = 20|MPP = 0.4990");
  const Slide slide(slide_of(bytes));
  EXPECT_DOUBLE_EQ(slide.info().microns_per_pixel, 0.499);
  EXPECT_EQ(slide.read(5, 41, 70, 70), square_by_place(5, 41, 70));
}

TEST(Slide, ResizesAsEverythingElseIs) {
  const Slide slide(slide_of(tiff_bytes({{96, 160, by_place}})));
  EXPECT_EQ(slide.read(16, 64, 80, 32), resize(square_by_place(16, 64, 80), 32, 32));
  EXPECT_EQ(slide.read(16, 64, 10, 40), resize(square_by_place(16, 64, 10), 40, 40));
}

TEST(Slide, ReadsTheCoarsestLevelThatIsFineEnough) {
  const Pixel red{200, 0, 0, 255}, green{0, 200, 0, 255}, blue{0, 0, 200, 255};
  const Slide slide(slide_of(tiff_bytes(
      {of_one_colour(260, 514, red), of_one_colour(130, 257, green), of_one_colour(65, 128, blue)})));
  const auto colour = [&](int pixels) {
    const Image image = slide.read(0, 2, 256, pixels);
    EXPECT_EQ(image.height, pixels);
    EXPECT_EQ(image.width, pixels);
    const auto middle = image.pixels.begin() + 3 * (pixels / 2 * pixels + pixels / 2);
    return std::vector<std::uint8_t>(middle, middle + 3);
  };
  EXPECT_EQ(colour(512)[0], 200) << "enlarged: level 0";
  EXPECT_EQ(colour(256)[0], 200);
  EXPECT_EQ(colour(129)[0], 200) << "level 1 would have been enlarged";
  EXPECT_EQ(colour(128)[1], 200);
  EXPECT_EQ(colour(65)[1], 200);
  EXPECT_EQ(colour(64)[2], 200);
  EXPECT_EQ(colour(1)[2], 200);
}

TEST(Slide, TransparentBecomesWhite) {
  const auto half = [](std::uint32_t, std::uint32_t column) {
    return column < 32 ? Pixel{0, 0, 0, 0} : Pixel{10, 20, 30, 255};
  };
  const Image image = Slide(slide_of(tiff_bytes({{64, 64, half}}, 4))).read(0, 0, 64, 64);
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    const bool is_left = i / 3 % 64 < 32;
    ASSERT_EQ(image.pixels[i], is_left ? 255 : 10 * (1 + i % 3)) << i;
  }
}

TEST(Slide, OneObjectServesSeveralThreads) {
  const Slide slide(slide_of(tiff_bytes({{96, 160, by_place}})));
  std::vector<std::thread> threads;
  std::array<int, 4> wrong{};
  for (std::size_t t = 0; t < wrong.size(); ++t) {
    threads.emplace_back([&, t] {
      for (std::uint32_t i = 0; i < 50; ++i) {
        wrong[t] += slide.read(i, 2 * i, 40, 40) == square_by_place(i, 2 * i, 40) ? 0 : 1;
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  EXPECT_EQ(wrong, (std::array<int, 4>{}));
}

TEST(Slide, ErrorsNameTheFile) {
  const fs::path path = slide_of(tiff_bytes({{96, 160, by_place}}));
  const Slide slide(path);
  EXPECT_ERROR(slide.read(0, 0, 97, 10),
               "slide.tif: a square of 97 pixels at row 0, column 0 reaches beyond");
  EXPECT_ERROR(slide.read(-1, 0, 10, 10), "beyond the slide of 160 x 96");
  EXPECT_ERROR(slide.read(0, 151, 10, 10), "column 151");
  EXPECT_ERROR(slide.read(INT64_MAX, INT64_MAX, INT64_MAX, 10), "reaches beyond");
  EXPECT_ERROR(slide.read(0, 0, 0, 10), "reaches beyond");
  EXPECT_ERROR(slide.read(0, 0, 10, 0), "slide.tif: expected a picture of 1 to");
  EXPECT_ERROR(slide.read(0, 0, 10, 1 << 20), "slide.tif: expected a picture of 1 to");
  EXPECT_ERROR(Slide(path.parent_path() / "none.svs"), "none.svs: expected a slide, found nothing");
  EXPECT_ERROR(Slide(path.parent_path()), "expected a slide");
  write_file(path.parent_path() / "text.svs", "no slide");
  EXPECT_ERROR(Slide(path.parent_path() / "text.svs"), "text.svs: expected a whole slide");
  const std::string good = read_file(path);
  write_file(path.parent_path() / "short.svs", good.substr(0, good.size() / 2));
  EXPECT_ERROR(Slide(path.parent_path() / "short.svs"), "short.svs");
}

TEST(Slide, GiantClaimsAreRefused) {
  std::string width, giant;
  put_number(width, kTile);
  put_number(giant, 1U << 20);
  const std::string good = tiff_bytes({{96, 160, by_place}});
  // Tags 322 and 323: one value of 32 bits.
  std::string bytes = good;
  for (const std::uint32_t tag : {322U, 323U}) {
    std::string entry;
    put_number(entry, tag, 2);
    put_number(entry, 4, 2);
    put_number(entry, 1);
    bytes = Mutations::replaced(bytes, entry + width, entry + giant);
  }
  EXPECT_ERROR(Slide(slide_of(bytes)), "slide.tif");
}

TEST(Slide, DamagedCopiesAreReadOrRefused) {
  const fs::path path = fresh_folder() / "slide.tif";
  const std::string good = tiff_bytes({{64, 96, by_place}, {32, 48, by_place}});
  const std::size_t first_directory = 8 + 6 * kTile * kTile * 3;
  Mutations mutations(11);
  int read = 0, refused = 0;
  for (int i = 0; i < 300; ++i) {
    std::string bytes = good;
    if (i % 6 == 0) {
      bytes = mutations.truncated(good);
    } else {
      // The directories are a small part of the file: aim at the header and at them.
      const std::size_t begin = i % 6 == 1 ? 0 : first_directory;
      const std::string part = good.substr(begin, 250);
      bytes.replace(
          begin, part.size(),
          i % 2 == 0 ? mutations.flipped(part, part.size()) : mutations.overwritten(part, part.size()));
    }
    write_file(path, bytes);
    try {
      const Slide slide(path);
      const std::int64_t side = std::min<std::int64_t>({slide.info().height, slide.info().width, 2000});
      EXPECT_EQ(slide.read(0, 0, side, 16).pixels.size(), 16 * 16 * 3);
      EXPECT_EQ(slide.read(slide.info().height - side, slide.info().width - side, side, 16).height, 16);
      ++read;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("slide.tif"), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      ++refused;
    }
  }
  std::printf("300 damaged slides: %d read, %d refused\n", read, refused);
  EXPECT_GT(read, 20);
  EXPECT_GT(refused, 100);
}

}  // namespace
}  // namespace medisyn
