// Named feature extractors: an image -> a vector in whose space images are compared.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "medisyn/core/run_record.h"

namespace medisyn {

struct Extractor {
  std::string name;            ///< "efficientnet_lite0"
  std::string weights_sha256;  ///< of the weights file
  std::string normalisation;   ///< of pixels x in 0..1, in words
  std::int64_t image_pixels = 0;
  std::int64_t width = 0;  ///< D
  /// [B, 3, image_pixels, image_pixels] in 0..1 -> [B, D] fp32
  std::function<torch::Tensor(const torch::Tensor&)> features;
};

/// The extractors there are.
std::vector<std::string> extractor_names();

/// Loads one by name. `efficientnet_lite0`: ImageNet-1k, trained at 224 px with bicubic resizing and
/// (255 x - 127) / 128, out of the safetensors file that scripts/convert_efficientnet.py writes. Error for an
/// unknown name, a missing file or one that does not fit.
Extractor load_extractor(const std::string& name, const std::filesystem::path& weights, torch::Device device);

/// Features of image files, resized as PIL's bicubic does, whatever their aspect; decoding runs on all
/// threads. Error naming an image that is corrupt or whose features are not finite: a score over fewer images
/// than asked for would be another score. -> [N, D] fp32 on the CPU
torch::Tensor extract_features(const Extractor& extractor, const std::vector<std::filesystem::path>& images,
                               const std::string& label, torch::Device device);

/// How the features were made, for result.json: two results with another description cannot be compared.
Json describe(const Extractor& extractor);

}  // namespace medisyn
