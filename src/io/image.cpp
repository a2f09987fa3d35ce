#include "medisyn/io/image.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <opencv2/core/utils/logger.hpp>
#include <opencv2/imgcodecs.hpp>
#include <opencv2/imgproc.hpp>

#include "image_header.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

void check_claim(std::string_view bytes, const std::string& name) {
  const auto claim = read_image_claim(bytes);
  if (!claim) {
    fail("{}: expected a PNG, JPEG, BMP or TIFF picture, found {} bytes of something else", name,
         bytes.size());
  }
  if (claim->height <= 0 || claim->width <= 0) {
    fail("{}: corrupt {}: its header gives {} x {} pixels", name, claim->format, claim->width, claim->height);
  }
  if (claim->height > kMaxImagePixels / claim->width) {
    fail("{}: its header claims {} x {} pixels; at most {} are read", name, claim->width, claim->height,
         kMaxImagePixels);
  }
  if (!claim->is_complete) {
    fail("{}: corrupt {}: the file is cut short or its checksums are wrong ({} bytes for {} x {} pixels)",
         name, claim->format, bytes.size(), claim->width, claim->height);
  }
  // Deflate packs at most 1,032 to 1, and no PNG has fewer than one bit a pixel.
  if (claim->format == "PNG" &&
      claim->height * claim->width / 8 > 1100 * static_cast<std::int64_t>(bytes.size())) {
    fail("{}: corrupt PNG: {} bytes cannot hold {} x {} pixels", name, bytes.size(), claim->width,
         claim->height);
  }
}

/// Any matrix that imdecode gives -> 8 bit, 1, 3 or 4 channels.
cv::Mat to_8_bit(const cv::Mat& decoded, const std::string& name) {
  cv::Mat bytes;
  if (decoded.depth() == CV_8U) {
    return decoded;
  }
  if (decoded.depth() != CV_16U) {
    fail("{}: expected 8 or 16 bits a channel, found floating point or signed pixels", name);
  }
  decoded.convertTo(bytes, CV_8U, 1.0 / 257.0);
  return bytes;
}

void lay_over_black(cv::Mat& bgra) {
  bgra.forEach<cv::Vec4b>([](cv::Vec4b& pixel, const int*) {
    for (int c = 0; c < 3; ++c) {
      pixel[c] = static_cast<std::uint8_t>((pixel[c] * pixel[3] + 127) / 255);
    }
  });
}

Image to_rgb(cv::Mat decoded, const std::string& name) {
  decoded = to_8_bit(decoded, name);
  cv::Mat rgb;
  switch (decoded.channels()) {
    case 1:
      cv::cvtColor(decoded, rgb, cv::COLOR_GRAY2RGB);
      break;
    case 3:
      cv::cvtColor(decoded, rgb, cv::COLOR_BGR2RGB);
      break;
    case 4:
      lay_over_black(decoded);
      cv::cvtColor(decoded, rgb, cv::COLOR_BGRA2RGB);
      break;
    default:
      fail("{}: expected 1, 3 or 4 channels, found {}", name, decoded.channels());
  }
  Image image{rgb.rows, rgb.cols, {}};
  image.pixels.assign(rgb.datastart, rgb.dataend);
  return image;
}

}  // namespace

Image decode_image(std::string_view bytes, const std::string& name) {
  check_claim(bytes, name);
  const cv::Mat buffer(1, static_cast<int>(bytes.size()), CV_8U,
                       const_cast<char*>(bytes.data()));  // NOLINT: imdecode only reads
  // Unchanged keeps alpha and 16 bits but passes over the EXIF orientation; only JPEG has that one.
  const bool is_jpeg = bytes.starts_with("\xFF\xD8");
  // What OpenCV has to say is in the Error; its own lines would stand beside it on stderr.
  static const auto before = cv::utils::logging::setLogLevel(cv::utils::logging::LOG_LEVEL_SILENT);
  static_cast<void>(before);
  cv::Mat decoded;
  try {
    decoded = cv::imdecode(buffer, is_jpeg ? cv::IMREAD_COLOR : cv::IMREAD_UNCHANGED);
  } catch (const cv::Exception& error) {
    fail("{}: corrupt picture: {}", name, error.err);
  }
  if (decoded.empty()) {
    fail("{}: corrupt picture: its pixels cannot be decoded", name);
  }
  return to_rgb(decoded, name);
}

Image read_image(const fs::path& path) { return decode_image(read_file(path), path.string()); }

bool has_image_extension(const fs::path& path) {
  std::string extension = path.extension().string();
  std::transform(extension.begin(), extension.end(), extension.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  static constexpr std::array kExtensions{".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff"};
  return std::find(kExtensions.begin(), kExtensions.end(), extension) != kExtensions.end();
}

std::string encode_jpeg(const Image& image, int quality) {
  const cv::Mat rgb(image.height, image.width, CV_8UC3,
                    const_cast<std::uint8_t*>(image.pixels.data()));  // NOLINT: imencode only reads
  cv::Mat bgr;
  cv::cvtColor(rgb, bgr, cv::COLOR_RGB2BGR);
  std::vector<std::uint8_t> bytes;
  cv::imencode(".jpg", bgr, bytes, {cv::IMWRITE_JPEG_QUALITY, quality});
  return {bytes.begin(), bytes.end()};
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
