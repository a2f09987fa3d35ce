// Videos whose every frame is of one grey, which tells its number: OpenCV's writer makes those of even frame
// times, Matroska written by hand the others.
#include "medisyn/io/video.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdio>
#include <limits>
#include <opencv2/videoio.hpp>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../mutations.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

constexpr int kHeight = 48;
constexpr int kWidth = 64;
constexpr int kStep = 5;  ///< grey of frame n: 5 n

/// False where this OpenCV cannot write the format.
bool write_video(const fs::path& path, const char* codec, double rate, int frames) {
  cv::VideoWriter writer(path.string(), cv::CAP_FFMPEG,
                         cv::VideoWriter::fourcc(codec[0], codec[1], codec[2], codec[3]), rate,
                         cv::Size(kWidth, kHeight));
  for (int n = 0; writer.isOpened() && n < frames; ++n) {
    writer.write(cv::Mat(kHeight, kWidth, CV_8UC3, cv::Scalar::all(kStep * n)));
  }
  return writer.isOpened();
}

fs::path motion_jpeg(double rate, int frames) {
  const fs::path path = fresh_folder() / "film.avi";
  EXPECT_TRUE(write_video(path, "MJPG", rate, frames));
  return path;
}

int number_of(const Image& image) {
  EXPECT_EQ(image.height, kHeight);
  EXPECT_EQ(image.width, kWidth);
  return static_cast<int>(std::lround(image.pixels[image.pixels.size() / 2] / static_cast<double>(kStep)));
}

struct Taken {
  std::vector<double> seconds;
  std::vector<int> numbers;
};

Taken frames_of(const fs::path& path, double rate) {
  Taken taken;
  read_video_frames(path, rate, [&](double seconds, const Image& image) {
    taken.seconds.push_back(seconds);
    taken.numbers.push_back(number_of(image));
    return true;
  });
  return taken;
}

// EBML: an identifier, the length in eight bytes, the content (RFC 8794).
std::string big_endian(std::uint64_t value, int count) {
  std::string bytes;
  for (int i = count - 1; i >= 0; --i) {
    bytes.push_back(static_cast<char>(value >> (8 * i) & 255U));
  }
  return bytes;
}

std::string element(std::string_view id, const std::string& content) {
  return std::string(id) + big_endian(content.size() | std::uint64_t{1} << 56U, 8) + content;
}

std::string element(std::string_view id, std::uint64_t value) { return element(id, big_endian(value, 4)); }

/// Motion JPEG in Matroska (RFC 9559): frame n is shown at milliseconds[n].
std::string matroska(const std::vector<int>& milliseconds, double length) {
  std::string cluster = element("\xE7", 0);
  for (std::size_t n = 0; n < milliseconds.size(); ++n) {
    Image image{kHeight, kWidth,
                std::vector<std::uint8_t>(3 * kHeight * kWidth, static_cast<std::uint8_t>(kStep * n))};
    cluster +=
        element("\xA3", big_endian(0x81, 1) + big_endian(static_cast<std::uint64_t>(milliseconds[n]), 2) +
                            big_endian(0x80, 1) + encode_jpeg(image, 95));
  }
  const std::string info = element("\x2A\xD7\xB1", 1000000) +
                           element("\x44\x89", big_endian(std::bit_cast<std::uint64_t>(length), 8));
  const std::string picture = element("\xB0", kWidth) + element("\xBA", kHeight);
  const std::string track = element("\xD7", 1) + element("\x73\xC5", 1) + element("\x83", 1) +
                            element("\x86", std::string("V_MJPEG")) + element("\xE0", picture);
  return element("\x1A\x45\xDF\xA3", element("\x42\x82", std::string("matroska"))) +
         element("\x18\x53\x80\x67", element("\x15\x49\xA9\x66", info) +
                                         element("\x16\x54\xAE\x6B", element("\xAE", track)) +
                                         element("\x1F\x43\xB6\x75", cluster));
}

fs::path matroska_file(const std::vector<int>& milliseconds, double length) {
  const fs::path path = fresh_folder() / "film.mkv";
  write_file(path, matroska(milliseconds, length));
  return path;
}

TEST(Video, TellsSizeRateAndLength) {
  const VideoInfo info = read_video_info(motion_jpeg(25, 50));
  EXPECT_EQ(info.height, kHeight);
  EXPECT_EQ(info.width, kWidth);
  EXPECT_EQ(info.frames, 50);
  EXPECT_DOUBLE_EQ(info.frames_per_second, 25);
  EXPECT_DOUBLE_EQ(info.seconds, 2);
}

TEST(Video, GivesTheFrameShownAtEachTime) {
  const fs::path path = motion_jpeg(25, 50);
  EXPECT_EQ(frames_of(path, 5).numbers, (std::vector<int>{0, 5, 10, 15, 20, 25, 30, 35, 40, 45}));
  const Taken slow = frames_of(path, 2);
  EXPECT_EQ(slow.seconds, (std::vector<double>{0, 0.5, 1, 1.5}));
  EXPECT_EQ(slow.numbers, (std::vector<int>{0, 12, 25, 37})) << "frame 12 stands from 0.48 s to 0.52 s";
  EXPECT_EQ(frames_of(path, 0.1).numbers, std::vector<int>{0});
  std::vector<int> all(50), twice(100);
  for (int n = 0; n < 100; ++n) {
    twice[static_cast<std::size_t>(n)] = n / 2;
    all[static_cast<std::size_t>(n / 2)] = n / 2;
  }
  EXPECT_EQ(frames_of(path, 25).numbers, all);
  EXPECT_EQ(frames_of(path, 50).numbers, twice);
}

TEST(Video, ReadsMpeg4) {
  const fs::path path = fresh_folder() / "film.mp4";
  if (!write_video(path, "mp4v", 30, 45)) {
    GTEST_SKIP() << "this OpenCV writes no mp4v";
  }
  EXPECT_DOUBLE_EQ(read_video_info(path).seconds, 1.5);
  const Taken taken = frames_of(path, 3);
  ASSERT_EQ(taken.numbers.size(), 5);
  for (std::size_t k = 0; k < 5; ++k) {
    EXPECT_NEAR(taken.numbers[k], 10 * static_cast<int>(k), 1) << "the coding lags a few greys behind";
  }
}

TEST(Video, FramesAreRedGreenBlue) {
  const fs::path path = fresh_folder() / "film.avi";
  cv::VideoWriter writer(path.string(), cv::CAP_FFMPEG, cv::VideoWriter::fourcc('M', 'J', 'P', 'G'), 10,
                         {64, 64});
  writer.write(cv::Mat(64, 64, CV_8UC3, cv::Scalar(30, 90, 200)));  // blue, green, red
  writer.release();
  read_video_frames(path, 10, [](double, const Image& image) {
    EXPECT_NEAR(image.pixels[0], 200, 4);
    EXPECT_NEAR(image.pixels[1], 90, 4);
    EXPECT_NEAR(image.pixels[2], 30, 4);
    return true;
  });
}

TEST(Video, TakesTimesFromTheContainer) {
  // Two frames close together, then one that stands for a second: at 10 a second the gap gives frame 2 often.
  const fs::path path = matroska_file({0, 40, 80, 1080, 1120, 1160, 1200}, 1240);
  const Taken taken = frames_of(path, 10);
  EXPECT_EQ(taken.numbers, (std::vector<int>{0, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 6}));
  EXPECT_EQ(frames_of(path, 1).numbers, (std::vector<int>{0, 2}));
}

TEST(Video, TimesCountFromTheFirstFrame) {
  EXPECT_EQ(frames_of(matroska_file({500, 540, 580, 620, 660}, 700), 12.5).numbers,
            (std::vector<int>{0, 2, 4}));
}

TEST(Video, StopsWhenTold) {
  int calls = 0;
  read_video_frames(motion_jpeg(25, 50), 25, [&](double, const Image&) { return ++calls < 3; });
  EXPECT_EQ(calls, 3);
}

TEST(Video, AFewFramesLessThanClaimedAreComplete) {
  std::vector<int> stamps(30);
  for (std::size_t n = 0; n < stamps.size(); ++n) {
    stamps[n] = static_cast<int>(40 * n);
  }
  EXPECT_EQ(frames_of(matroska_file(stamps, 2000), 5).numbers, (std::vector<int>{0, 5, 10, 15, 20, 25}));
  int calls = 0;
  EXPECT_ERROR(
      read_video_frames(matroska_file(stamps, 9000), 5, [&](double, const Image&) { return ++calls > 0; }),
      "film.mkv: damaged video: decoding ends at 1.2 s (frame 30) of 9.0 s");
  EXPECT_EQ(calls, 6) << "up to the damage";
}

TEST(Video, AnUndecodableRestIsAnError) {
  const fs::path path = motion_jpeg(25, 50);
  const std::string good = read_file(path);
  const fs::path cut = path.parent_path() / "cut.avi";
  write_file(cut, good.substr(0, good.size() / 3));
  EXPECT_ERROR(frames_of(cut, 5), "cut.avi");
  EXPECT_ERROR(read_video_frames(matroska_file({0, 40, 80, 5000}, 700000000), 5,
                                 [](double, const Image&) { return true; }),
               "film.mkv: damaged video");
}

TEST(Video, ErrorsNameTheFile) {
  const fs::path folder = fresh_folder();
  EXPECT_ERROR(read_video_info(folder / "none.mp4"), "none.mp4: expected a video file, found nothing");
  EXPECT_ERROR(read_video_info(folder), "expected a video file");
  write_file(folder / "text.mp4", "These lines would be a film in FFmpeg's eyes, if it were let.\n");
  EXPECT_ERROR(read_video_info(folder / "text.mp4"), "text.mp4: expected a video file");
  write_file(folder / "film.txt", std::string(5000, 'a'));
  EXPECT_ERROR(read_video_info(folder / "film.txt"), "film.txt: expected a video file");
  write_file(folder / "list.m3u8", "#EXTM3U\n#EXTINF:1,\nother.ts\n#EXT-X-ENDLIST\n");
  EXPECT_ERROR(read_video_info(folder / "list.m3u8"), "list.m3u8: expected a video file");
  EXPECT_ERROR(frames_of(folder / "text.mp4", 0), "text.mp4: expected a frame rate above 0");
  EXPECT_ERROR(frames_of(folder / "text.mp4", std::numeric_limits<double>::quiet_NaN()), "frame rate");
}

TEST(Video, APlaylistOpensNoOtherFile) {
  const fs::path path = motion_jpeg(25, 5);
  write_file(path.parent_path() / "list.avi", "ffconcat version 1.0\nfile film.avi\n");
  EXPECT_ERROR(read_video_info(path.parent_path() / "list.avi"), "list.avi: expected a video file");
}

TEST(Video, GiantClaimsAreRefused) {
  const std::string good = matroska({0, 40, 80}, 120);
  const fs::path path = fresh_folder() / "film.mkv";
  // In the frames' own JPEG headers and in the container.
  for (const std::uint64_t side : {20000, 65535}) {
    const auto claim = [](std::uint64_t height, std::uint64_t width) {
      return big_endian(height << 16U | width, 4);
    };
    std::string bytes = Mutations::replaced(good, claim(kHeight, kWidth), claim(side, side));
    ASSERT_NE(bytes, good);
    bytes = Mutations::replaced(bytes, element("\xB0", kWidth), element("\xB0", side));
    write_file(path, Mutations::replaced(bytes, element("\xBA", kHeight), element("\xBA", side)));
    EXPECT_ERROR(read_video_info(path), "film.mkv");
  }
}

TEST(Video, DamagedCopiesAreReadOrRefused) {
  const fs::path folder = fresh_folder();
  ASSERT_TRUE(write_video(folder / "good.avi", "MJPG", 25, 10));
  const std::array<std::string, 2> goods{read_file(folder / "good.avi"), matroska({0, 40, 80, 120}, 160)};
  Mutations mutations(13);
  int read = 0, refused = 0;
  for (int i = 0; i < 200; ++i) {
    const std::string& good = goods[static_cast<std::size_t>(i % 2)];
    const std::size_t limit = i % 4 < 2 ? 400 : good.size();
    const std::string bytes = i % 10 < 2   ? mutations.truncated(good)
                              : i % 3 == 0 ? mutations.flipped(good, limit)
                                           : mutations.overwritten(good, limit);
    write_file(folder / "film.avi", bytes);
    try {
      int calls = 0;
      read_video_frames(folder / "film.avi", 25, [&](double, const Image&) { return ++calls < 100; });
      ++read;
    } catch (const Error& error) {
      EXPECT_NE(std::string(error.what()).find("film.avi"), std::string::npos) << error.what();
      EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
      ++refused;
    }
  }
  std::printf("200 damaged videos: %d read, %d refused\n", read, refused);
  EXPECT_GT(read, 20);
  EXPECT_GT(refused, 20);
}

}  // namespace
}  // namespace medisyn
