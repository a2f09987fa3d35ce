#include "medisyn/io/image.h"

#include <fmt/format.h>
#include <array>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "picture_files.h"

namespace medisyn {
namespace {

TEST(Image, PngRoundTripIsExactAndDeterministic) {
  for (const auto& [height, width] : {std::pair{1, 1}, {3, 17}, {64, 64}}) {
    const Image image = noise(height, width);
    const std::string png = encode_png(image, {{"prompt", "a \"b\""}});
    EXPECT_EQ(decode_image(png, "x"), image);
    EXPECT_EQ(encode_png(image, {{"prompt", "a \"b\""}}), png);
  }
}

TEST(Image, PngIsSmallForSmoothPictures) {
  Image ramp{64, 64, {}};
  for (int i = 0; i < 64 * 64; ++i) {
    ramp.pixels.insert(ramp.pixels.end(), 3, static_cast<std::uint8_t>(i % 64 + i / 64));
  }
  EXPECT_LT(encode_png(ramp).size(), 500U);  // without row filters it is several times as large
}

TEST(Image, PngTextChunks) {
  const std::string png = encode_png(noise(2, 2), {{"b", "plain"}, {"a", "µ"}});
  const std::size_t plain = png.find(std::string("tEXtb\0plain", 11));
  const std::size_t unicode = png.find(std::string("iTXta\0\0\0\0\0\xC2\xB5", 12));
  ASSERT_NE(plain, std::string::npos);
  ASSERT_NE(unicode, std::string::npos);
  EXPECT_LT(unicode, plain);
  EXPECT_ERROR(encode_png(noise(2, 2), {{"", "x"}}), "key of 1 to 79");
}

TEST(Image, JpegKeepsColours) {
  Image red{16, 16, {}};
  for (int i = 0; i < 256; ++i) {
    red.pixels.insert(red.pixels.end(), {220, 20, 30});
  }
  const Image back = decode_image(encode_jpeg(red, 95), "x");
  EXPECT_NEAR(pixel(back, 8, 8)[0], 220, 4);
  EXPECT_NEAR(pixel(back, 8, 8)[2], 30, 4);
}

TEST(Image, GreyAlphaAnd16Bit) {
  const cv::Mat grey(4, 5, CV_8UC1, cv::Scalar(77));
  EXPECT_EQ(pixel(decode_image(encoded(".png", grey), "x"), 1, 2), (std::vector<int>{77, 77, 77}));
  const cv::Mat alpha(4, 5, CV_8UC4, cv::Scalar(10, 100, 200, 51));  // BGRA, a fifth opaque
  EXPECT_EQ(pixel(decode_image(encoded(".png", alpha), "x"), 1, 2), (std::vector<int>{40, 20, 2}));
  const cv::Mat deep(4, 5, CV_16UC1, cv::Scalar(32896));
  EXPECT_EQ(pixel(decode_image(encoded(".png", deep), "x"), 1, 2), (std::vector<int>{128, 128, 128}));
  EXPECT_EQ(pixel(decode_image(encoded(".tiff", deep), "x"), 1, 2), (std::vector<int>{128, 128, 128}));
}

TEST(Image, BmpRoundTrip) {
  const cv::Mat blue(5, 7, CV_8UC3, cv::Scalar(250, 3, 4));
  EXPECT_EQ(pixel(decode_image(encoded(".bmp", blue), "x"), 4, 6), (std::vector<int>{4, 3, 250}));
}

/// Where the pixel that is to be seen at (y, x) is stored, by the EXIF standard's table.
std::vector<int> seen_at(const Image& stored, int orientation, int y, int x) {
  const int bottom = stored.height - 1, right = stored.width - 1;
  const std::array<std::pair<int, int>, 8> places{{{y, x},
                                                   {y, right - x},
                                                   {bottom - y, right - x},
                                                   {bottom - y, x},
                                                   {x, y},
                                                   {bottom - x, y},
                                                   {bottom - x, right - y},
                                                   {x, right - y}}};
  const auto& [row, column] = places[static_cast<std::size_t>(orientation - 1)];
  return pixel(stored, row, column);
}

TEST(Image, TheEightExifOrientationsAreApplied) {
  const Image image = noise(5, 7);
  const std::string png = encode_png(image), jpeg = encode_jpeg(image, 90);
  const Image from_jpeg = decode_image(jpeg, "x");
  for (int orientation = 1; orientation <= 8; ++orientation) {
    const std::array<std::pair<const Image*, std::string>, 3> files{
        {{&image, with_png_chunk(png, "eXIf", exif(orientation))},
         {&image, tiff_of(image, static_cast<std::uint32_t>(orientation))},
         {&from_jpeg, with_jpeg_exif(jpeg, orientation)}}};
    for (const auto& [stored, bytes] : files) {
      const Image upright = decode_image(bytes, "x");
      ASSERT_EQ(upright.height, orientation < 5 ? 5 : 7);
      ASSERT_EQ(upright.width, orientation < 5 ? 7 : 5);
      for (int y = 0; y < upright.height; ++y) {
        for (int x = 0; x < upright.width; ++x) {
          ASSERT_EQ(pixel(upright, y, x), seen_at(*stored, orientation, y, x))
              << orientation << ": " << y << " " << x;
        }
      }
    }
  }
}

TEST(Image, ColoursThatStandForTransparentBecomeBlack) {
  const cv::Mat grey = (cv::Mat_<std::uint8_t>(1, 3) << 10, 200, 30);
  const Image image =
      decode_image(with_png_chunk(encoded(".png", grey), "tRNS", std::string("\0\xC8", 2)), "x");
  EXPECT_EQ(image.pixels, (std::vector<std::uint8_t>{10, 10, 10, 0, 0, 0, 30, 30, 30}));
  const cv::Mat colour = (cv::Mat_<cv::Vec3b>(1, 2) << cv::Vec3b(3, 2, 1), cv::Vec3b(3, 2, 9));
  const Image keyed = decode_image(
      with_png_chunk(encoded(".png", colour), "tRNS", std::string("\0\x09\0\x02\0\x03", 6)), "x");
  EXPECT_EQ(keyed.pixels, (std::vector<std::uint8_t>{1, 2, 3, 0, 0, 0}));
}

TEST(Image, TiffsOfEveryKindOfPixel) {
  const auto one_pixel = [](std::uint32_t channels, std::uint32_t bits, const std::string& bytes,
                            const std::vector<TiffTag>& more = {}) {
    auto tags = tiff_tags(1, 1, channels, bits);
    for (const TiffTag& tag : more) {
      std::erase_if(tags, [&](const TiffTag& before) { return before.number == tag.number; });
      tags.push_back(tag);
    }
    return pixel(decode_image(tiff(tags, bytes), "x"), 0, 0);
  };
  using Rgb = std::vector<int>;
  const TiffTag alpha{338, {2}}, premultiplied{338, {1}};
  EXPECT_EQ(one_pixel(1, 8, "\x64"), (Rgb{100, 100, 100}));
  EXPECT_EQ(one_pixel(1, 8, "\x64", {{262, {0}}}), (Rgb{155, 155, 155})) << "white is zero";
  EXPECT_EQ(one_pixel(1, 1, "\x80", {{279, {1}}}), (Rgb{255, 255, 255}));
  EXPECT_EQ(one_pixel(3, 8, "\x01\x02\x03"), (Rgb{1, 2, 3}));
  EXPECT_EQ(one_pixel(4, 8, "\xC8\x64\x0A\x33", {alpha}), (Rgb{40, 20, 2})) << "a fifth opaque";
  EXPECT_EQ(one_pixel(4, 8, "\xC8\x64\x0A\x33", {premultiplied}), (Rgb{200, 100, 10}));
  EXPECT_EQ(one_pixel(2, 8, "\xC8\x33", {alpha}), (Rgb{40, 40, 40}));
  EXPECT_EQ(one_pixel(1, 16, "\x80\x80"), (Rgb{128, 128, 128}));
  EXPECT_EQ(one_pixel(3, 16, "\x80\x80\x01\x01\xFF\xFF"), (Rgb{128, 1, 255}));
  EXPECT_EQ(one_pixel(3, 16, std::string("\x80\x80\x01\x01\xFF\xFF", 6), {{284, {1}}}), (Rgb{128, 1, 255}));
  EXPECT_EQ(one_pixel(4, 8, std::string("\0\xFF\0\0", 4), {{262, {5}}, {332, {1}}}), (Rgb{255, 0, 255}))
      << "CMYK";
  EXPECT_ERROR(one_pixel(1, 32, "1234", {{339, {3}}}), "x: this TIFF cannot be read: ");
}

TEST(Image, OtherFilesAndMissingOnes) {
  EXPECT_ERROR(decode_image("hello", "x.png"),
               "x.png: expected a PNG, JPEG, BMP or TIFF picture, found 5 bytes");
  EXPECT_ERROR(read_image(fresh_folder() / "none.png"), "none.png");
  EXPECT_TRUE(has_image_extension("a/B.JPeG"));
  EXPECT_FALSE(has_image_extension("a.png.txt"));
}

TEST(Image, CropTakesTheRectangle) {
  const Image image = noise(6, 8);
  const Image part = crop(image, 2, 3, 2, 4);
  EXPECT_EQ(pixel(part, 1, 3), pixel(image, 3, 6));
  EXPECT_ERROR(crop(image, 5, 0, 2, 2), "rows 5..7, columns 0..2 reaches beyond a picture of 8 x 6");
  EXPECT_ERROR(crop(image, 0, 0, 2147483647, 1), "reaches beyond");
}

}  // namespace
}  // namespace medisyn
