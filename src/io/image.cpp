#include "medisyn/io/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "decoders.h"
#include "image_header.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

cv::Mat view_of(Image& image) { return {image.height, image.width, CV_8UC3, image.pixels.data()}; }

/// What imdecode() gives: 8 bit, 1, 3 or 4 channels.
Image to_rgb(const cv::Mat& decoded, const std::string& name) {
  const int channels = decoded.channels();
  if (decoded.depth() != CV_8U || (channels != 1 && channels != 3 && channels != 4)) {
    fail("{}: expected 8-bit pixels of 1, 3 or 4 channels, found {}", name, cv::typeToString(decoded.type()));
  }
  Image image{decoded.rows, decoded.cols, std::vector<std::uint8_t>(decoded.total() * 3)};
  cv::Mat rgb = view_of(image);
  if (channels == 4) {
    std::uint8_t* to = image.pixels.data();
    for (const cv::Vec4b& bgra : cv::Mat_<cv::Vec4b>(decoded)) {
      for (const int c : {2, 1, 0}) {
        *to++ = over_black(bgra[c], bgra[3]);
      }
    }
    return image;
  }
  cv::cvtColor(decoded, rgb, channels == 1 ? cv::COLOR_GRAY2RGB : cv::COLOR_BGR2RGB);
  return image;
}

StoredPicture decode_bmp(std::string_view bytes, const std::string& name) {
  const ImageClaim claim = read_bmp_claim(bytes);
  constexpr std::int64_t kAnyPacking = 0;
  check_claim(claim.height, claim.width, bytes.size(), kAnyPacking, "BMP", name);
  if (!claim.is_complete) {
    fail(
        "{}: corrupt BMP: the file is cut short or packed in a way that is not read ({} bytes for {} x {} "
        "pixels)",
        name, bytes.size(), claim.width, claim.height);
  }
  const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U,
                       const_cast<char*>(bytes.data()));  // NOLINT: imdecode only reads
  // What OpenCV has to say is in the Error; its own lines would stand beside it on stderr.
  static const auto before = cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  static_cast<void>(before);
  cv::Mat decoded;
  try {
    decoded = cv::imdecode(buffer, cv::IMREAD_UNCHANGED);  // keeps alpha
  } catch (const cv::Exception& error) {
    fail("{}: corrupt BMP: {}", name, error.err);
  }
  if (decoded.empty()) {
    fail("{}: corrupt BMP: its pixels cannot be decoded", name);
  }
  return {to_rgb(decoded, name), 1};
}

StoredPicture decode_stored(std::string_view bytes, const std::string& name) {
  using namespace std::string_view_literals;
  if (bytes.starts_with("\x89PNG\r\n\x1a\n"sv)) {
    return decode_png(bytes, name);
  }
  if (bytes.starts_with("\xFF\xD8"sv)) {
    return decode_jpeg(bytes, name);
  }
  if (bytes.starts_with("BM"sv)) {
    return decode_bmp(bytes, name);
  }
  for (const std::string_view tiff : {"II*\0"sv, "MM\0*"sv, "II+\0"sv, "MM\0+"sv}) {
    if (bytes.starts_with(tiff)) {
      return decode_tiff(bytes, name);
    }
  }
  fail("{}: expected a PNG, JPEG, BMP or TIFF picture, found {} bytes of something else", name, bytes.size());
}

/// The stored picture as it is to be seen: EXIF's orientations 1 to 8.
Image upright(Image stored, int orientation) {
  if (orientation <= 1 || orientation > 8) {
    return stored;
  }
  const bool is_turned = orientation >= 5;
  Image image{is_turned ? stored.width : stored.height, is_turned ? stored.height : stored.width,
              std::vector<std::uint8_t>(stored.pixels.size())};
  const cv::Mat from = view_of(stored);
  cv::Mat to = view_of(image);
  constexpr int kUpsideDown = 0, kMirrored = 1, kBoth = -1;
  switch (orientation) {
    case 2:
      cv::flip(from, to, kMirrored);
      break;
    case 3:
      cv::flip(from, to, kBoth);
      break;
    case 4:
      cv::flip(from, to, kUpsideDown);
      break;
    case 5:
      cv::transpose(from, to);
      break;
    case 6:
      cv::rotate(from, to, cv::ROTATE_90_CLOCKWISE);
      break;
    case 7:
      cv::transpose(from, to);
      cv::flip(to, to, kBoth);
      break;
    default:
      cv::rotate(from, to, cv::ROTATE_90_COUNTERCLOCKWISE);
  }
  return image;
}

}  // namespace

std::string printable(const char* text) {
  std::string line(text);
  std::replace_if(
      line.begin(), line.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return line;
}

Image decode_image(std::string_view bytes, const std::string& name) {
  StoredPicture picture = decode_stored(bytes, name);
  return upright(std::move(picture.image), picture.orientation);
}

Image read_image(const fs::path& path) { return decode_image(read_file(path), path.string()); }

bool has_image_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static constexpr std::array kExtensions{".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

Image crop(const Image& image, int top, int left, int height, int width) {
  if (top < 0 || left < 0 || height <= 0 || width <= 0 || height > image.height - top ||
      width > image.width - left) {
    fail("crop of rows {}..{}, columns {}..{} reaches beyond a picture of {} x {} pixels (width x height)",
         top, static_cast<std::int64_t>(top) + height, left, static_cast<std::int64_t>(left) + width,
         image.width, image.height);
  }
  Image part{height, width, {}};
  part.pixels.reserve(static_cast<std::size_t>(height) * static_cast<std::size_t>(width) * 3);
  for (int row = top; row < top + height; ++row) {
    const auto begin = image.pixels.begin() + 3 * (static_cast<std::ptrdiff_t>(row) * image.width + left);
    part.pixels.insert(part.pixels.end(), begin, begin + 3 * static_cast<std::ptrdiff_t>(width));
  }
  return part;
}

}  // namespace medisyn
