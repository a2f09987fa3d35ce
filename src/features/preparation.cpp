#include "medisyn/features/preparation.h"

#include <torch/types.h>

#include <algorithm>

#include "medisyn/io/bilinear.h"
#include "medisyn/io/resize.h"

namespace medisyn {
namespace {

constexpr float kWhite = 255;

void to_unit(const Image& image, float* out) {
  std::transform(image.pixels.begin(), image.pixels.end(), out,
                 [](std::uint8_t value) { return static_cast<float>(value) / kWhite; });
}

void bilinear(const Image& image, int size, BilinearGrid grid, float* out) {
  resize_bilinear(image, size, grid, out);
  std::for_each(out, out + static_cast<std::ptrdiff_t>(size) * size * 3,
                [](float& value) { value /= kWhite; });
}

void bicubic_in_float(const Image& image, int size, float* out) {
  const torch::Tensor bytes = torch::from_blob(const_cast<std::uint8_t*>(image.pixels.data()),
                                               {image.height, image.width, 3}, torch::kByte);
  const torch::Tensor planes = bytes.permute({2, 0, 1}).to(torch::kFloat).contiguous();
  torch::from_blob(out, {size, size, 3})
      .copy_(resize_float(planes, size, size).clamp_(0, kWhite).div_(kWhite).permute({1, 2, 0}));
}

/// The longer side is cut to whole pixels, not rounded: 241.7 is 241.
/// Source: CLIP, clip/clip.py (torchvision's Resize and CenterCrop); transformers' CLIPImageProcessor.
Image resize_and_crop_as_clip(const Image& image, int size) {
  const std::int64_t shorter = std::min(image.height, image.width);
  const auto scaled = [&](int side) { return static_cast<int>(std::int64_t{size} * side / shorter); };
  const Image resized = resize(image, scaled(image.height), scaled(image.width));
  return crop(resized, (resized.height - size) / 2, (resized.width - size) / 2, size, size);
}

}  // namespace

std::string describe(Preparation preparation, int size) {
  switch (preparation) {
    case Preparation::kPytorchFid:
      return fmt::format("to {0} x {0}, bilinear, not antialiased, as F.interpolate(align_corners=False)",
                         size);
    case Preparation::kCleanFid:
      return fmt::format("to {0} x {0}, bicubic, antialiased, as PIL, in float, cut at 0 and 255", size);
    case Preparation::kTorchFidelity:
      return fmt::format("to {0} x {0}, bilinear, not antialiased, as TensorFlow 1", size);
    case Preparation::kBicubicCrop:
      return fmt::format("shorter side to {0}, bicubic, antialiased, as PIL, then the centre {0} x {0}",
                         size);
    default:
      return fmt::format("to {0} x {0}, bicubic, antialiased, as PIL", size);
  }
}

void prepare(const Image& image, Preparation preparation, int size, float* out) {
  switch (preparation) {
    case Preparation::kPytorchFid:
      return bilinear(image, size, BilinearGrid::kHalfPixel, out);
    case Preparation::kCleanFid:
      return bicubic_in_float(image, size, out);
    case Preparation::kTorchFidelity:
      return bilinear(image, size, BilinearGrid::kCorner, out);
    case Preparation::kBicubicCrop:
      return to_unit(resize_and_crop_as_clip(image, size), out);
    default:
      return to_unit(resize(image, size, size), out);
  }
}

}  // namespace medisyn
