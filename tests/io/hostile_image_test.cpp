// Pictures that lie about themselves, damaged ones and cut ones: a picture or an Error, never a crash.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>

#include "../expect_error.h"
#include "../mutations.h"
#include "../peak_bytes.h"
#include "medisyn/io/image.h"
#include "picture_files.h"

namespace medisyn {
namespace {

using namespace std::string_literals;

TEST(HostileImage, EveryCutIsAnError) {
  const cv::Mat mat(24, 24, CV_8UC3, cv::Scalar(9, 120, 50));
  for (const std::string extension : {".png", ".jpg", ".bmp"}) {
    const std::string whole = encoded(extension, mat);
    for (std::size_t size = 0; size < whole.size() - 4; size += 1 + whole.size() / 50) {
      EXPECT_ERROR(decode_image(whole.substr(0, size), "cut" + extension), "cut" + extension);
    }
  }
}

/// The header's checksum made right again.
std::string with_png_size(std::string png, const std::string& width_and_height) {
  constexpr std::size_t kSizes = 16, kHeader = 8, kHeaderEnd = 33;
  png.replace(kSizes, width_and_height.size(), width_and_height);
  return png.substr(0, kHeader) + png_chunk("IHDR", png.substr(kSizes, 13)) + png.substr(kHeaderEnd);
}

TEST(HostileImage, SizesThatLieAreRefusedBeforeTheyAreAllocated) {
  std::string png = encode_png(noise(4, 4));
  EXPECT_ERROR(decode_image(with_png_size(png, std::string("\0\0\x30\0\0\0\x30\0", 8)), "lie.png"),
               "bytes cannot hold 12288 x 12288 pixels");
  EXPECT_ERROR(decode_image(with_png_size(png, std::string("\0\0\xC3\x50\0\0\xC3\x50", 8)), "lie.png"),
               "lie.png: its header claims 50000 x 50000 pixels; at most 268435456 are read");
  EXPECT_ERROR(
      decode_image(with_png_size(png, std::string("\x7F\xFF\xFF\xFF\x7F\xFF\xFF\xFF", 8)), "lie.png"),
      "lie.png: corrupt PNG: Invalid IHDR data");
  EXPECT_ERROR(decode_image(with_png_size(png, std::string(8, '\0')), "lie.png"), "lie.png: corrupt PNG");
  png[60] = static_cast<char>(png[60] + 1);
  EXPECT_ERROR(decode_image(png, "wrong.png"), "wrong.png: corrupt PNG: IDAT: ");
}

TEST(HostileImage, TiffsThatLieAreRefused) {
  const std::string good = tiff_of(noise(8, 8), 1);
  for (std::size_t size = 0; size < good.size(); size += 3) {
    EXPECT_ERROR(decode_image(good.substr(0, size), "cut.tif"), "cut.tif");
  }
  auto tags = tiff_tags(65535, 65535, 3, 8);
  EXPECT_ERROR(decode_image(tiff(tags, "xyz"), "lie.tif"), "lie.tif: its header claims 65535 x 65535 pixels");
  tags = tiff_tags(16000, 16000, 3, 8);
  EXPECT_ERROR(decode_image(tiff(tags, "xyz"), "lie.tif"), "lie.tif: corrupt TIFF: ");
}

std::string progressive_jpeg() {
  std::vector<std::uint8_t> encoded_bytes;
  cv::imencode(".jpg", cv::Mat(64, 64, CV_8UC3, cv::Scalar(9, 120, 50)), encoded_bytes,
               {cv::IMWRITE_JPEG_PROGRESSIVE, 1});
  return {encoded_bytes.begin(), encoded_bytes.end()};
}

TEST(HostileImage, JpegsThatAskForEndlessWorkAreRefused) {
  const std::string jpeg = progressive_jpeg();
  EXPECT_EQ(decode_image(jpeg, "x").height, 64);
  const std::size_t last_scan = jpeg.rfind("\xFF\xDA");
  std::string many = jpeg.substr(0, jpeg.size() - 2);
  for (int i = 0; i < 300; ++i) {
    many += jpeg.substr(last_scan, jpeg.size() - 2 - last_scan);
  }
  EXPECT_ERROR(decode_image(many + "\xFF\xD9", "many.jpg"), "many.jpg: corrupt JPEG: more than 200 scans");
  std::string giant = jpeg;
  const std::size_t frame = jpeg.find("\xFF\xC2");
  giant.replace(frame + 5, 4, "\x3F\xFF\x3F\xFF");
  EXPECT_ERROR(decode_image(giant, "lie.jpg"), "bytes cannot hold 16383 x 16383 pixels");
}

TEST(HostileImage, DamagedExifChangesNothing) {
  const Image image = noise(5, 7);
  const std::string png = encode_png(image), good = exif(6);
  for (std::size_t size = 0; size < good.size() - 6; ++size) {
    EXPECT_EQ(decode_image(with_png_chunk(png, "eXIf", good.substr(0, size)), "x"), image) << size;
  }
  for (const int orientation : {0, 9, 255}) {
    EXPECT_EQ(decode_image(with_png_chunk(png, "eXIf", exif(orientation)), "x"), image);
  }
  std::string far = good;
  far.replace(4, 4, "\xFF\xFF\xFF\xF0");
  EXPECT_EQ(decode_image(with_png_chunk(png, "eXIf", far), "x"), image);
}

/// The checksums of its chunks made right again, as far as these can be found.
std::string with_right_checksums(const std::string& png) {
  constexpr std::size_t kSignature = 8, kAround = 12;
  std::string mended = png.substr(0, kSignature);
  std::size_t at = std::min(kSignature, png.size());
  while (png.size() - at >= kAround) {
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      length = length << 8U | static_cast<unsigned char>(png[at + i]);
    }
    if (length > png.size() - at - kAround) {
      break;
    }
    mended += png_chunk(png.substr(at + 4, 4), png.substr(at + 8, length));
    at += kAround + length;
  }
  return mended + png.substr(at);
}

TEST(HostileImage, DamagedCopiesAreAPictureOrAnErrorAndNeverACrash) {
  const cv::Mat mat(24, 24, CV_8UC3, cv::Scalar(1, 2, 3));
  const std::int64_t before = peak_bytes();
  for (const auto& [kind, whole] : {std::pair(".png"s, encoded(".png", mat)),
                                    {".jpg"s, encoded(".jpg", mat)},
                                    {"noise.jpg"s, encode_jpeg(noise(40, 24), 90)},
                                    {"progressive.jpg"s, progressive_jpeg()},
                                    {".bmp"s, encoded(".bmp", mat)},
                                    {".tiff"s, tiff_of(noise(16, 16), 6)}}) {
    Mutations mutations(7);
    int read = 0, refused = 0;
    for (int i = 0; i < 500; ++i) {
      std::string bytes = i % 5 == 0   ? mutations.truncated(whole)
                          : i % 2 == 0 ? mutations.flipped(whole, whole.size())
                                       : mutations.overwritten(whole, whole.size());
      if (kind == ".png" && i % 4 > 0) {
        bytes = with_right_checksums(bytes);
      }
      try {
        const Image image = decode_image(bytes, "mutated");
        EXPECT_EQ(image.pixels.size(),
                  static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width) * 3);
        ++read;
      } catch (const Error& error) {
        EXPECT_THAT(error.what(), testing::HasSubstr("mutated"));
        EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
        ++refused;
      }
    }
    std::printf("500 damaged %s files: %d read, %d refused\n", kind.c_str(), read, refused);
    EXPECT_GT(read, 10);
    EXPECT_GT(refused, 100);
  }
  EXPECT_LT(peak_bytes() - before, std::int64_t{512} << 20);
}

}  // namespace
}  // namespace medisyn
