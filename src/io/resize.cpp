#include "medisyn/io/resize.h"

#include <ATen/ops/_upsample_bicubic2d_aa.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <vector>

#include "medisyn/core/error.h"
#include "resize_passes.h"

namespace medisyn {
namespace {

/// Part of a picture.
struct Window {
  int top, left, height, width;
};

void check_size(int height, int width) {
  if (height <= 0 || width <= 0) {
    fail("resize: expected a height and width of at least 1, found {} x {}", height, width);
  }
}

/// The window of the picture resized to [height, width]; only what the window needs is computed.
Image resize_window(const Image& image, int height, int width, const Window& window) {
  const Taps down(image.height, height, window.top, window.top + window.height);
  const bool has_new_height = height != image.height;
  const int first_row = has_new_height ? static_cast<int>(down.first_input()) : window.top;
  const int end_row = has_new_height ? static_cast<int>(down.end_input()) : window.top + window.height;
  const std::size_t in_stride = static_cast<std::size_t>(image.width) * 3;
  const std::size_t out_stride = static_cast<std::size_t>(window.width) * 3;
  Rows rows{image.pixels.data() + static_cast<std::size_t>(first_row) * in_stride, in_stride,
            static_cast<std::size_t>(end_row - first_row)};
  std::vector<std::uint8_t> narrowed;
  if (width != image.width) {
    narrowed.resize(rows.count * out_stride);
    resize_along_rows(rows, Taps(image.width, width, window.left, window.left + window.width),
                      narrowed.data());
    rows.first = narrowed.data();
    rows.stride = out_stride;
  } else {
    rows.first += static_cast<std::size_t>(window.left) * 3;
  }
  Image out{window.height, window.width, {}};
  if (!has_new_height && !narrowed.empty()) {
    out.pixels = std::move(narrowed);
    return out;
  }
  out.pixels.resize(static_cast<std::size_t>(window.height) * out_stride);
  if (has_new_height) {
    resize_down_columns(rows, out_stride, down, out.pixels.data());
    return out;
  }
  for (std::size_t row = 0; row < rows.count; ++row) {
    std::copy_n(rows.first + row * rows.stride, out_stride, out.pixels.data() + row * out_stride);
  }
  return out;
}

}  // namespace

Image resize(const Image& image, int height, int width) {
  check_size(height, width);
  check_size(image.height, image.width);
  return resize_window(image, height, width, {0, 0, height, width});
}

torch::Tensor resize_float(const torch::Tensor& planes, int height, int width) {
  TORCH_CHECK(planes.dim() == 3, "resize_float expects [C, H, W], got ", planes.sizes());
  check_size(height, width);
  return at::_upsample_bicubic2d_aa(planes.unsqueeze(0), {height, width}, /*align_corners=*/false).squeeze(0);
}

Image resize_and_crop(const Image& image, int size) {
  check_size(size, size);
  check_size(image.height, image.width);
  const double scale = static_cast<double>(size) / std::min(image.height, image.width);
  const int height = std::max(size, static_cast<int>(std::lround(image.height * scale)));
  const int width = std::max(size, static_cast<int>(std::lround(image.width * scale)));
  return resize_window(image, height, width, {(height - size) / 2, (width - size) / 2, size, size});
}

}  // namespace medisyn
