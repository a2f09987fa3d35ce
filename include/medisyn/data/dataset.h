// The images of a manifest in memory.
#pragma once

#include <torch/types.h>

#include <string>
#include <vector>

#include "medisyn/data/manifest.h"

namespace medisyn {

struct ImageDataset {
  std::vector<Record> records;
  torch::Tensor pixels;  ///< [N, 3, H, W] uint8

  std::int64_t size() const { return static_cast<std::int64_t>(records.size()); }
  std::vector<std::string> ids() const;
  std::vector<std::string> image_types() const;

  /// The images at `indices` as models take them: [B, 3, H, W] fp32 in [-1, 1].
  torch::Tensor images(const std::vector<std::int64_t>& indices) const;
};

/// Reads and decodes every image, on all of torch's threads. Error naming the file when one is corrupt or not
/// `image_pixels` high and wide, and when the manifest is empty.
ImageDataset load_dataset(const Manifest& manifest, std::int64_t image_pixels);

}  // namespace medisyn
