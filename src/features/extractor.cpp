#include "medisyn/features/extractor.h"

#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <utility>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/features/biomedclip_extractor.h"
#include "medisyn/features/clip_extractor.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/models/inception_v3.h"
#include "medisyn/models/resnet_50.h"

namespace medisyn {
namespace {

constexpr const char* kInception = "inception";
constexpr std::int64_t kImagesInCache = 4;

struct InceptionMode {
  const char* name;
  Preparation preparation;
  const char* normalisation;
  double factor, offset;  ///< of pixels in 0..1
};
constexpr std::array<InceptionMode, 3> kInceptionModes = {{
    {"pytorch-fid", Preparation::kPytorchFid, "2 x - 1", 2, -1},
    {"clean-fid", Preparation::kCleanFid, "(255 x - 128) / 128", 255.0 / 128, -1},
    {"torch-fidelity", Preparation::kTorchFidelity, "(255 x - 128) / 128", 255.0 / 128, -1},
}};

const InceptionMode& inception_mode(const std::string& name) {
  for (const InceptionMode& mode : kInceptionModes) {
    if (name.empty() || name == mode.name) {
      return mode;
    }
  }
  fail("--mode {}: expected one of {}", name, fmt::join(inception_modes(), ", "));
}

/// What `features` gives for all of the images. On a CPU each thread takes a few at a time, which keep the
/// layers' values in its cache; threads that work on one layer together wait for each other at its end.
template <class Features>
torch::Tensor by_pieces(const torch::Tensor& images, const Features& features) {
  const std::int64_t count = images.size(0);
  const std::int64_t threads = at::get_num_threads();
  const std::int64_t size = std::clamp<std::int64_t>(count / threads, 1, kImagesInCache);
  if (!images.is_cpu() || count < threads) {
    return features(images);
  }
  std::vector<torch::Tensor> parts(static_cast<std::size_t>((count + size - 1) / size));
  at::parallel_for(0, static_cast<std::int64_t>(parts.size()), 1, [&](std::int64_t begin, std::int64_t end) {
    const torch::InferenceMode inference;
    for (std::int64_t i = begin; i < end; ++i) {
      parts[static_cast<std::size_t>(i)] =
          features(images.narrow(0, i * size, std::min(size, count - i * size)));
    }
  });
  return torch::cat(parts);
}

/// A network of convolutions with the file's weights, ready to run.
template <class Model>
Model load_folded(const fs::path& weights, torch::Device device) {
  Model model;
  load_parameters(*model, weights, {}, torch::kFloat);
  model->eval();
  model->to(device);
  model->fold();
  return model;
}

Extractor load_inception(const fs::path& weights, torch::Device device, const std::string& mode_name) {
  const InceptionMode& mode = inception_mode(mode_name);
  auto model = load_folded<InceptionV3>(weights, device);
  return {.name = kInception,
          .weights_sha256 = sha256_file(weights),
          .normalisation = mode.normalisation,
          .image_pixels = InceptionV3Impl::kImagePixels,
          .width = InceptionV3Impl::kFeatures,
          .features =
              [model, &mode](const torch::Tensor& images) mutable {
                return by_pieces(images, [&](const torch::Tensor& piece) {
                  return model->features(piece * mode.factor + mode.offset);
                });
              },
          .preparation = mode.preparation,
          .mode = mode.name};
}

Extractor load_efficientnet_lite0(const fs::path& weights, torch::Device device) {
  auto model = load_folded<EfficientNetLite0>(weights, device);
  return {.name = "efficientnet_lite0",
          .weights_sha256 = sha256_file(weights),
          .normalisation = "(255 x - 127) / 128",
          .image_pixels = EfficientNetLite0Impl::kImagePixels,
          .width = EfficientNetLite0Impl::kFeatures,
          .features = [model](const torch::Tensor& images) mutable {
            return by_pieces(images, [&](const torch::Tensor& piece) {
              return model->features(EfficientNetLite0Impl::normalise(piece));
            });
          }};
}

Extractor load_resnet_50(const fs::path& weights, torch::Device device) {
  auto model = load_folded<ResNet50>(weights, device);
  const auto by_channel = [&](const std::vector<float>& values) {
    return torch::tensor(values).view({1, 3, 1, 1}).to(device);
  };
  const torch::Tensor mean = by_channel({0.485F, 0.456F, 0.406F});
  const torch::Tensor std = by_channel({0.229F, 0.224F, 0.225F});
  return {.name = "resnet50",
          .weights_sha256 = sha256_file(weights),
          .normalisation = "(x - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)",
          .image_pixels = ResNet50Impl::kImagePixels,
          .width = ResNet50Impl::kFeatures,
          .features = [model, mean, std](const torch::Tensor& images) mutable {
            return by_pieces(
                images, [&](const torch::Tensor& piece) { return model->features((piece - mean) / std); });
          }};
}

}  // namespace

std::vector<std::string> extractor_names() {
  return {kInception, "efficientnet_lite0", "resnet50", "biomedclip", "clip"};
}

std::vector<std::string> inception_modes() {
  std::vector<std::string> names;
  for (const InceptionMode& mode : kInceptionModes) {
    names.emplace_back(mode.name);
  }
  return names;
}

void check_extractor(const std::string& name, const fs::path& weights, const std::string& mode) {
  const std::vector<std::string> names = extractor_names();
  if (std::find(names.begin(), names.end(), name) == names.end()) {
    fail("--extractor {}: expected one of {}", name, fmt::join(names, ", "));
  }
  if (!mode.empty() && name != kInception) {
    fail("--mode {}: a mode of --extractor {}, found --extractor {}, which has one way alone", mode,
         kInception, name);
  }
  inception_mode(mode);
  if (weights.empty()) {
    fail("--extractor {}: its weights are needed: --weights {}", name,
         name == "biomedclip" ? "DIR, the folder with open_clip_config.json"
         : name == "clip"     ? "DIR, the folder with config.json and model.safetensors"
                              : "FILE.safetensors or FILE.pth");
  }
}

Extractor load_extractor(const std::string& name, const fs::path& weights, torch::Device device,
                         const std::string& mode) {
  check_extractor(name, weights, mode);
  if (device.is_cuda()) {
    at::globalContext().setAllowTF32CuDNN(false);  // its 10 bits would show in the features
    at::globalContext().setAllowTF32CuBLAS(false);
  }
  if (name == kInception) {
    return load_inception(weights, device, mode);
  }
  if (name == "resnet50") {
    return load_resnet_50(weights, device);
  }
  if (name == "clip") {
    return load_clip_extractor(weights, device);
  }
  return name == "biomedclip" ? load_biomedclip_extractor(weights, device)
                              : load_efficientnet_lite0(weights, device);
}

Json describe(const Extractor& extractor) {
  return {{"extractor", extractor.name},
          {"weights_sha256", extractor.weights_sha256},
          {"mode", extractor.mode.empty() ? extractor.name : extractor.mode},
          {"resize", describe(extractor.preparation, static_cast<int>(extractor.image_pixels))},
          {"normalisation", extractor.normalisation}};
}

}  // namespace medisyn
