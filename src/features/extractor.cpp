#include "medisyn/features/extractor.h"

#include <ATen/Parallel.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cstring>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/progress.h"
#include "medisyn/io/image.h"
#include "medisyn/io/resize.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

constexpr std::int64_t kBatch = 32;

Extractor load_efficientnet_lite0(const fs::path& weights, torch::Device device) {
  EfficientNetLite0 model;
  load_parameters(*model, weights, {}, torch::kFloat);
  model->eval();
  model->to(device);
  return {.name = "efficientnet_lite0",
          .weights_sha256 = sha256_file(weights),
          .normalisation = "(255 x - 127) / 128",
          .image_pixels = EfficientNetLite0Impl::kImagePixels,
          .width = EfficientNetLite0Impl::kFeatures,
          .features = [model](const torch::Tensor& images) mutable {
            return model->features(EfficientNetLite0Impl::normalise(images));
          }};
}

/// Decoded and resized images as the extractor takes them: [B, 3, S, S] in 0..1.
torch::Tensor read_batch(const std::vector<fs::path>& images, std::int64_t first, std::int64_t last,
                         std::int64_t size) {
  const torch::Tensor pixels = torch::empty({last - first, size, size, 3}, torch::kUInt8);
  auto* bytes = pixels.data_ptr<std::uint8_t>();
  at::parallel_for(first, last, 1, [&](std::int64_t begin, std::int64_t end) {
    for (std::int64_t i = begin; i < end; ++i) {
      const Image image = resize(read_image(images[static_cast<std::size_t>(i)]), static_cast<int>(size),
                                 static_cast<int>(size));
      std::memcpy(bytes + (i - first) * size * size * 3, image.pixels.data(), image.pixels.size());
    }
  });
  return pixels.permute({0, 3, 1, 2}).to(torch::kFloat).div_(255);
}

void check_finite(const torch::Tensor& features, const std::vector<fs::path>& images, std::int64_t first) {
  const torch::Tensor broken = features.isfinite().all(1).logical_not().nonzero();
  if (broken.size(0) > 0) {
    fail("{}: its features are not finite: the extractor's weights are damaged",
         images[static_cast<std::size_t>(first + broken[0].item<std::int64_t>())].string());
  }
}

}  // namespace

std::vector<std::string> extractor_names() { return {"efficientnet_lite0"}; }

Extractor load_extractor(const std::string& name, const fs::path& weights, torch::Device device) {
  const std::vector<std::string> names = extractor_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    fail("--extractor {}: expected one of {}", name, fmt::join(names, ", "));
  }
  if (weights.empty()) {
    fail("--extractor {}: its weights are needed: --weights FILE.safetensors", name);
  }
  return load_efficientnet_lite0(weights, device);
}

torch::Tensor extract_features(const Extractor& extractor, const std::vector<fs::path>& images,
                               const std::string& label, torch::Device device) {
  const torch::InferenceMode inference;
  const auto count = static_cast<std::int64_t>(images.size());
  torch::Tensor features = torch::empty({count, extractor.width});
  Progress progress(label, count, "images");
  for (std::int64_t first = 0; first < count; first += kBatch) {
    const std::int64_t last = std::min(first + kBatch, count);
    const torch::Tensor batch = read_batch(images, first, last, extractor.image_pixels).to(device);
    torch::Tensor part = features.narrow(0, first, last - first);
    part.copy_(extractor.features(batch));
    check_finite(part, images, first);
    progress.update(last);
  }
  progress.finish();
  return features;
}

Json describe(const Extractor& extractor) {
  return {{"extractor", extractor.name},
          {"weights_sha256", extractor.weights_sha256},
          {"resize", fmt::format("to {0} x {0}, bicubic, antialiased, as PIL", extractor.image_pixels)},
          {"normalisation", extractor.normalisation}};
}

}  // namespace medisyn
