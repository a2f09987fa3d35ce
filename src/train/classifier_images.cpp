#include "classifier_images.h"

#include <algorithm>
#include <utility>

#include "medisyn/io/resize.h"

namespace medisyn {
namespace {

constexpr double kLeastCrop = 0.8;  // of a side

/// A number in [0, 1) for one purpose of a draw.
double drawn(const SampleDraw& draw, std::string_view purpose) {
  return static_cast<double>(draw.key(purpose)) / 4294967296.0;
}

void flip_rows(Image& image) {
  const auto row = static_cast<std::ptrdiff_t>(image.width) * 3;
  for (auto* begin = image.pixels.data(); begin < image.pixels.data() + image.pixels.size(); begin += row) {
    for (std::ptrdiff_t left = 0, right = row - 3; left < right; left += 3, right -= 3) {
      std::swap_ranges(begin + left, begin + left + 3, begin + right);
    }
  }
}

void flip_columns(Image& image) {
  const auto row = static_cast<std::ptrdiff_t>(image.width) * 3;
  for (int top = 0, bottom = image.height - 1; top < bottom; ++top, --bottom) {
    auto* upper = image.pixels.data() + top * row;
    std::swap_ranges(upper, upper + row, image.pixels.data() + bottom * row);
  }
}

/// A square of at least kLeastCrop of the side, back at the picture's size.
Image random_crop(const Image& image, const SampleDraw& draw) {
  const auto side =
      static_cast<int>(image.height * (kLeastCrop + (1 - kLeastCrop) * drawn(draw, "crop side")));
  const auto spare = static_cast<double>(image.height - side + 1);
  return resize(crop(image, static_cast<int>(spare * drawn(draw, "crop top")),
                     static_cast<int>(spare * drawn(draw, "crop left")), side, side),
                image.height, image.width);
}

}  // namespace

ClassifierImages::ClassifierImages(std::span<const LabelledImage> set, PictureCache& pictures,
                                   const PixelLevels& levels, std::vector<std::string> augmentation)
    : set_(set), pictures_(pictures), levels_(levels), augmentation_(std::move(augmentation)) {}

std::shared_ptr<const Image> ClassifierImages::augmented(std::shared_ptr<const Image> image,
                                                         const SampleDraw& draw) const {
  if (augmentation_.empty()) {
    return image;
  }
  auto changed = std::make_shared<Image>(*image);
  for (const std::string& kind : augmentation_) {
    if (kind == "random_crop") {
      *changed = random_crop(*changed, draw);
    } else if (drawn(draw, kind) < 0.5) {
      kind == "horizontal_flip" ? flip_rows(*changed) : flip_columns(*changed);
    }
  }
  return changed;
}

Batch ClassifierImages::load(const std::vector<SampleDraw>& draws) const {
  const std::int64_t count = std::ssize(draws);
  const std::int64_t side = pictures_.pixels();
  const auto classes = std::ssize(set_.front().targets);
  const torch::Tensor pixels = torch::empty({count, side, side, 3});
  const torch::Tensor targets = torch::empty({count, classes});
  auto* out = pixels.mutable_data_ptr<float>();
  auto* labels = targets.mutable_data_ptr<float>();
  for (const SampleDraw& draw : draws) {
    const LabelledImage& one = set_[static_cast<std::size_t>(draw.index)];
    const auto picture = augmented(pictures_.get(one.image), draw);
    for (std::size_t i = 0; i < picture->pixels.size(); i += 3, out += 3) {
      for (std::size_t channel = 0; channel < 3; ++channel) {
        out[channel] = levels_[channel][picture->pixels[i + channel]];
      }
    }
    labels = std::copy(one.targets.begin(), one.targets.end(), labels);
  }
  return {{"images", pixels.permute({0, 3, 1, 2})}, {"targets", targets}};
}

}  // namespace medisyn
