#include "medisyn/data/dataset.h"

#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/data/transforms.h"
#include "medisyn/io/resize.h"

namespace medisyn {
namespace {

constexpr std::int64_t kKeptBytes = std::int64_t{1} << 30;

}  // namespace

ImageDataset::ImageDataset(Manifest manifest, std::int64_t image_pixels)
    : manifest_(std::move(manifest)), image_pixels_(image_pixels) {
  if (manifest_.records.empty()) {
    fail("{}: no image is left after the filter", manifest_.root.string());
  }
  keeps_ = size() <= kKeptBytes / (3 * image_pixels * image_pixels);
  kept_.resize(keeps_ ? manifest_.records.size() : 0);
}

Pictures ImageDataset::pictures(const std::vector<std::int64_t>& indices) const {
  const auto count = static_cast<std::int64_t>(indices.size());
  Pictures pictures{.pixels = torch::empty({count, 3, image_pixels_, image_pixels_}),
                    .time_ids = torch::empty({count, 6})};
  for (std::int64_t i = 0; i < count; ++i) {
    const auto one = square(indices[static_cast<std::size_t>(i)]);
    pictures.pixels[i].copy_(to_tensor(one->image));
    std::copy(one->time_ids.begin(), one->time_ids.end(), pictures.time_ids[i].data_ptr<float>());
  }
  return pictures;
}

std::shared_ptr<const ImageDataset::Square> ImageDataset::square(std::int64_t index) const {
  if (!keeps_) {
    return decode(index);
  }
  const auto place = static_cast<std::size_t>(index);
  {
    const std::scoped_lock lock(mutex_);
    if (kept_[place]) {
      return kept_[place];
    }
  }
  auto decoded = decode(index);
  const std::scoped_lock lock(mutex_);
  return kept_[place] = std::move(decoded);
}

std::shared_ptr<const ImageDataset::Square> ImageDataset::decode(std::int64_t index) const {
  const Image image = read_image(source(index));
  const auto side = static_cast<int>(image_pixels_);
  const double scale = static_cast<double>(side) / std::min(image.height, image.width);
  const auto spare = [&](int length) {
    return std::max(0, static_cast<int>(std::lround(length * scale)) - side) / 2;
  };
  const auto pixels = static_cast<float>(side);
  return std::make_shared<const Square>(
      Square{.image = image.height == side && image.width == side ? image : resize_and_crop(image, side),
             .time_ids = {static_cast<float>(image.height), static_cast<float>(image.width),
                          static_cast<float>(spare(image.height)), static_cast<float>(spare(image.width)),
                          pixels, pixels}});
}

std::vector<std::string> ImageDataset::ids() const {
  std::vector<std::string> ids;
  for (const Record& one : records()) {
    ids.push_back(one.id);
  }
  return ids;
}

std::vector<std::string> ImageDataset::image_types() const {
  std::vector<std::string> types;
  for (const Record& one : records()) {
    types.push_back(one.image_type);
  }
  return types;
}

}  // namespace medisyn
