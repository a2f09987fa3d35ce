#include "medisyn/io/image.h"

#include <fmt/format.h>
#include <zlib.h>

#include <opencv2/imgcodecs.hpp>
#include <random>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

Image noise(int height, int width, unsigned seed = 1) {
  Image image{height, width, {}};
  std::mt19937 random(seed);
  for (int i = 0; i < height * width * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(random() & 0xFFU));
  }
  return image;
}

std::string encoded(const std::string& extension, const cv::Mat& mat) {
  std::vector<std::uint8_t> bytes;
  cv::imencode(extension, mat, bytes);
  return {bytes.begin(), bytes.end()};
}

std::vector<int> pixel(const Image& image, int y, int x) {
  const auto at = static_cast<std::size_t>((y * image.width + x) * 3);
  return {image.pixels[at], image.pixels[at + 1], image.pixels[at + 2]};
}

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

TEST(Image, ExifOrientationIsApplied) {
  cv::Mat wide(16, 32, CV_8UC3, cv::Scalar(0, 0, 0));
  wide(cv::Rect(0, 0, 16, 16)).setTo(cv::Scalar(255, 255, 255));  // white on the left
  const std::string jpeg = encoded(".jpg", wide);
  // One IFD entry: tag 0x0112 (orientation), SHORT, 6 = turn a quarter clockwise.
  const std::string exif =
      std::string("Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0", 32);
  const std::string turned = jpeg.substr(0, 2) + std::string("\xFF\xE1\0\x22", 4) + exif + jpeg.substr(2);
  const Image image = decode_image(turned, "x");
  ASSERT_EQ(image.height, 32);
  ASSERT_EQ(image.width, 16);
  EXPECT_GT(pixel(image, 4, 8)[0], 240);
  EXPECT_LT(pixel(image, 28, 8)[0], 15);
}

TEST(Image, EveryCutIsAnError) {
  const cv::Mat mat(24, 24, CV_8UC3, cv::Scalar(9, 120, 50));
  for (const std::string extension : {".png", ".jpg", ".bmp"}) {
    const std::string whole = encoded(extension, mat);
    for (std::size_t size = 0; size < whole.size() - 4; size += 1 + whole.size() / 50) {
      EXPECT_ERROR(decode_image(whole.substr(0, size), "cut" + extension), "cut" + extension);
    }
  }
}

TEST(Image, SizesThatLieAreRefusedBeforeTheyAreAllocated) {
  std::string png = encode_png(noise(4, 4));
  png.replace(16, 8, std::string("\0\0\x30\0\0\0\x30\0", 8));  // 12,288 x 12,288
  const std::uint32_t crc = crc32(0, reinterpret_cast<const Bytef*>(png.data() + 12), 17);
  for (unsigned i = 0; i < 4; ++i) {
    png[29 + i] = static_cast<char>(crc >> (24 - 8 * i) & 0xFFU);
  }
  EXPECT_ERROR(decode_image(png, "lie.png"), "bytes cannot hold 12288 x 12288 pixels");
  png.back() = static_cast<char>(png.back() + 1);
  EXPECT_ERROR(decode_image(png, "lie.png"),
               "lie.png: corrupt PNG: the file is cut short or its checksums are wrong");
  png.replace(16, 8, std::string("\x7F\xFF\xFF\xFF\x7F\xFF\xFF\xFF", 8));
  EXPECT_ERROR(decode_image(png, "lie.png"), "at most 268435456 are read");
  png.replace(16, 8, std::string(8, '\0'));
  EXPECT_ERROR(decode_image(png, "lie.png"), "0 x 0 pixels");
}

TEST(Image, MutatedFilesAreAPictureOrAnErrorAndNeverACrash) {
  std::mt19937 random(7);
  for (const std::string extension : {".png", ".jpg", ".bmp", ".tiff"}) {
    const std::string whole = encoded(extension, cv::Mat(16, 16, CV_8UC3, cv::Scalar(1, 2, 3)));
    for (int i = 0; i < 100; ++i) {
      std::string bytes = whole;
      for (int flip = 0; flip < 3; ++flip) {
        bytes[random() % bytes.size()] = static_cast<char>(random());
      }
      try {
        const Image image = decode_image(bytes, "mutated");
        EXPECT_EQ(image.pixels.size(), static_cast<std::size_t>(image.height) * image.width * 3);
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("mutated"));
      }
    }
  }
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
