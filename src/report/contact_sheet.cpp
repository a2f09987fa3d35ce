#include "medisyn/report/contact_sheet.h"

#include <algorithm>
#include <cmath>
#include <opencv2/imgproc.hpp>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

constexpr int kFont = cv::FONT_HERSHEY_SIMPLEX;
constexpr double kFontScale = 0.36;
constexpr int kLineHeight = 14;
constexpr int kTextAscent = 10;
constexpr int kMaxSide = 65000;  // PNG readers and OpenCV's own limit are near
const cv::Scalar kInk(34, 34, 34);
const cv::Scalar kPaper(255, 255, 255);

/// OpenCV's fonts draw ASCII: one "?" for each other character.
std::string drawable(const std::string& text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= ' ' && byte < 0x7F) {
      result += c;
    } else if (byte < 0x80) {
      result += ' ';
    } else if (byte >= 0xC0) {  // the first byte of a character; the others are left out
      result += '?';
    }
  }
  return result;
}

int text_width(const std::string& text) {
  int baseline = 0;
  return cv::getTextSize(text, kFont, kFontScale, 1, &baseline).width;
}

/// The longest beginning of `text` that fits, with "..." behind it where some is cut off.
std::string shortened(std::string text, int width, bool cut) {
  if (!cut && text_width(text) <= width) {
    return text;
  }
  while (!text.empty() && text_width(text + "...") > width) {
    text.pop_back();
  }
  return text + "...";
}

void draw_text(cv::Mat& sheet, const std::string& text, int x, int y) {
  cv::putText(sheet, text, {x, y + kTextAscent}, kFont, kFontScale, kInk, 1, cv::LINE_AA);
}

/// Lengths of a sheet, in pixels.
struct Geometry {
  int columns;
  int rows;
  int cell_width;
  int cell_height;
  int caption_height;
  int left;  ///< of the first cell
  int top;
  int padding;

  int x(int column) const { return left + column * (cell_width + padding); }
  int y(int row) const { return top + row * (cell_height + caption_height + padding); }
};

/// The whole factor by which small pictures are magnified.
int magnification(const std::vector<Image>& images, int cell_pixels) {
  int largest = 1;
  for (const Image& image : images) {
    largest = std::max({largest, image.width, image.height});
  }
  return std::max(1, (cell_pixels + largest - 1) / largest);
}

Geometry measure(const std::vector<Image>& images, bool has_captions, const ContactSheetLayout& layout,
                 int factor) {
  const int count = static_cast<int>(images.size());
  Geometry geometry{};
  geometry.columns = layout.columns > 0 ? std::min(layout.columns, count)
                                        : static_cast<int>(std::ceil(std::sqrt(static_cast<double>(count))));
  geometry.rows = (count + geometry.columns - 1) / geometry.columns;
  for (const Image& image : images) {
    geometry.cell_width = std::max(geometry.cell_width, image.width * factor);
    geometry.cell_height = std::max(geometry.cell_height, image.height * factor);
  }
  geometry.padding = layout.padding;
  geometry.caption_height = has_captions ? layout.caption_lines * kLineHeight + 2 : 0;
  int label_width = 0;
  for (const std::string& label : layout.row_labels) {
    label_width = std::max(label_width, text_width(drawable(label)));
  }
  geometry.left = layout.padding + (label_width > 0 ? label_width + layout.padding : 0);
  geometry.top = layout.padding + (layout.title.empty() ? 0 : kLineHeight + layout.padding) +
                 (layout.column_labels.empty() ? 0 : kLineHeight);
  return geometry;
}

void check(const std::vector<Image>& images, const std::vector<std::string>& captions,
           const ContactSheetLayout& layout, const Geometry& geometry, const cv::Size& size) {
  if (!captions.empty() && captions.size() != images.size()) {
    fail("contact sheet: {} captions for {} images", captions.size(), images.size());
  }
  if (layout.row_labels.size() > static_cast<std::size_t>(geometry.rows) ||
      layout.column_labels.size() > static_cast<std::size_t>(geometry.columns)) {
    fail("contact sheet: {} row and {} column labels for {} rows and {} columns", layout.row_labels.size(),
         layout.column_labels.size(), geometry.rows, geometry.columns);
  }
  if (size.width > kMaxSide || size.height > kMaxSide) {
    fail("contact sheet: {} images would make a picture of {}x{} pixels, more than {} on a side; show fewer",
         images.size(), size.width, size.height, kMaxSide);
  }
}

void draw_image(cv::Mat& sheet, const Image& image, int factor, int x, int y, const Geometry& geometry) {
  const cv::Mat pixels(image.height, image.width, CV_8UC3, const_cast<std::uint8_t*>(image.pixels.data()));
  const int width = image.width * factor, height = image.height * factor;
  const cv::Rect place(x + (geometry.cell_width - width) / 2, y + (geometry.cell_height - height) / 2, width,
                       height);
  cv::Mat target = sheet(place);
  cv::resize(pixels, target, place.size(), 0, 0, cv::INTER_NEAREST);
}

void draw_labels(cv::Mat& sheet, const ContactSheetLayout& layout, const Geometry& geometry) {
  if (!layout.title.empty()) {
    draw_text(sheet, shortened(drawable(layout.title), sheet.cols - 2 * layout.padding, false),
              layout.padding, layout.padding);
  }
  for (std::size_t column = 0; column < layout.column_labels.size(); ++column) {
    draw_text(sheet, shortened(drawable(layout.column_labels[column]), geometry.cell_width, false),
              geometry.x(static_cast<int>(column)), geometry.top - kLineHeight);
  }
  for (std::size_t row = 0; row < layout.row_labels.size(); ++row) {
    draw_text(sheet, drawable(layout.row_labels[row]), layout.padding,
              geometry.y(static_cast<int>(row)) + (geometry.cell_height - kLineHeight) / 2);
  }
}

}  // namespace

std::vector<std::string> wrap_caption(const std::string& caption, int width, int lines) {
  const std::string text = drawable(caption);
  std::vector<std::string> words;
  for (std::size_t at = text.find_first_not_of(' '); at != std::string::npos;) {
    const std::size_t end = std::min(text.find(' ', at), text.size());
    words.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(' ', end);
  }
  std::vector<std::string> result;
  for (const std::string& word : words) {
    const bool fits = !result.empty() && text_width(result.back() + " " + word) <= width;
    if (fits) {
      result.back() += " " + word;
    } else if (static_cast<int>(result.size()) < lines) {
      result.push_back(word);
    } else {
      if (!result.empty()) {
        result.back() = shortened(result.back(), width, true);
      }
      break;
    }
  }
  for (std::string& line : result) {
    if (!line.ends_with("...")) {
      line = shortened(line, width, false);
    }
  }
  return result;
}

Image contact_sheet(const std::vector<Image>& images, const std::vector<std::string>& captions,
                    const ContactSheetLayout& layout) {
  if (images.empty()) {
    fail("contact sheet: expected at least one image");
  }
  const int factor = magnification(images, layout.cell_pixels);
  const Geometry geometry = measure(images, !captions.empty(), layout, factor);
  const cv::Size size(geometry.x(geometry.columns), geometry.y(geometry.rows));
  check(images, captions, layout, geometry, size);

  Image result{.height = size.height, .width = size.width, .pixels = {}};
  result.pixels.resize(static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) * 3);
  cv::Mat sheet(size, CV_8UC3, result.pixels.data());
  sheet.setTo(kPaper);
  draw_labels(sheet, layout, geometry);
  for (std::size_t i = 0; i < images.size(); ++i) {
    const int column = static_cast<int>(i) % geometry.columns, row = static_cast<int>(i) / geometry.columns;
    draw_image(sheet, images[i], factor, geometry.x(column), geometry.y(row), geometry);
    if (captions.empty()) {
      continue;
    }
    int y = geometry.y(row) + geometry.cell_height + 3;
    for (const std::string& line : wrap_caption(captions[i], geometry.cell_width, layout.caption_lines)) {
      draw_text(sheet, line, geometry.x(column), y);
      y += kLineHeight;
    }
  }
  return result;
}

}  // namespace medisyn
