// The images of a manifest as a model sees them: a square of so many pixels.
#pragma once

#include <torch/types.h>

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "medisyn/data/manifest.h"
#include "medisyn/io/image.h"

namespace medisyn {

/// Some images of a data set.
struct Pictures {
  torch::Tensor pixels;  ///< [B, 3, H, W] fp32 in [-1, 1]
  /// SDXL's micro-conditioning: height and width of the file's picture, top and left of the square that was
  /// cut out of it after resizing, height and width of that square. [B, 6] fp32
  torch::Tensor time_ids;
};

class ImageDataset {
 public:
  /// Reads no image yet. Error when the manifest is empty.
  ImageDataset(Manifest manifest, std::int64_t image_pixels);

  /// Decodes the images at `indices`: the shorter side resized to image_pixels (antialiased bicubic, as PIL
  /// does), then the centre square. Any thread may ask. Decoded images are kept while the whole set has at
  /// most a gigabyte. Error naming the file when it is missing or corrupt.
  Pictures pictures(const std::vector<std::int64_t>& indices) const;

  std::int64_t size() const { return std::ssize(manifest_.records); }
  const Record& record(std::int64_t index) const {
    return manifest_.records[static_cast<std::size_t>(index)];
  }
  const std::vector<Record>& records() const { return manifest_.records; }
  ImageSource source(std::int64_t index) const { return image_source(manifest_, record(index)); }
  std::int64_t image_pixels() const { return image_pixels_; }

  std::vector<std::string> ids() const;
  std::vector<std::string> image_types() const;

 private:
  /// One image, ready to be copied.
  struct Square {
    Image image;
    std::array<float, 6> time_ids;
  };
  std::shared_ptr<const Square> square(std::int64_t index) const;
  std::shared_ptr<const Square> decode(std::int64_t index) const;

  Manifest manifest_;
  std::int64_t image_pixels_;
  bool keeps_;
  mutable std::mutex mutex_;
  mutable std::vector<std::shared_ptr<const Square>> kept_;
};

}  // namespace medisyn
