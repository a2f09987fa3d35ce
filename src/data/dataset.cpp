#include "medisyn/data/dataset.h"

#include <ATen/Parallel.h>

#include <cstring>

#include "medisyn/core/error.h"
#include "medisyn/io/image.h"

namespace medisyn {
namespace {

/// Copies [H, W, 3] into [3, H, W].
void copy_planes(const Image& image, std::uint8_t* target) {
  const std::size_t plane = static_cast<std::size_t>(image.height) * static_cast<std::size_t>(image.width);
  for (std::size_t i = 0; i < plane; ++i) {
    for (std::size_t channel = 0; channel < 3; ++channel) {
      target[channel * plane + i] = image.pixels[i * 3 + channel];
    }
  }
}

}  // namespace

std::vector<std::string> ImageDataset::ids() const {
  std::vector<std::string> ids;
  for (const Record& record : records) {
    ids.push_back(record.id);
  }
  return ids;
}

std::vector<std::string> ImageDataset::image_types() const {
  std::vector<std::string> types;
  for (const Record& record : records) {
    types.push_back(record.image_type);
  }
  return types;
}

torch::Tensor ImageDataset::images(const std::vector<std::int64_t>& indices) const {
  return pixels.index_select(0, torch::tensor(indices)).to(torch::kFloat).div_(127.5).sub_(1);
}

ImageDataset load_dataset(const Manifest& manifest, std::int64_t image_pixels) {
  const auto count = static_cast<std::int64_t>(manifest.records.size());
  if (count == 0) {
    fail("{}: no image is left after the filter", manifest.root.string());
  }
  ImageDataset dataset{manifest.records, torch::empty({count, 3, image_pixels, image_pixels}, torch::kUInt8)};
  auto* pixels = dataset.pixels.data_ptr<std::uint8_t>();
  at::parallel_for(0, count, 16, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const auto path = image_path(manifest, manifest.records[static_cast<std::size_t>(i)]);
      const Image image = read_image(path);
      if (image.height != image_pixels || image.width != image_pixels) {
        fail("{}: expected {} x {} pixels, found {} x {}: curate with this size", path.string(), image_pixels,
             image_pixels, image.width, image.height);
      }
      copy_planes(image, pixels + i * 3 * image_pixels * image_pixels);
    }
  });
  return dataset;
}

}  // namespace medisyn
