#include "medisyn/features/clip_extractor.h"

#include <fmt/ranges.h>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/models/clip_vision.h"
#include "medisyn/nn/layers.h"

namespace medisyn {
namespace {

constexpr int kBicubic = 3;  // PIL's number

/// Of pixels in 0..1. Defaults are those of CLIP's own code.
struct Normalisation {
  std::vector<double> mean = {0.48145466, 0.4578275, 0.40821073};
  std::vector<double> std = {0.26862954, 0.26130258, 0.27577711};
};

Normalisation read_normalisation(const fs::path& file) {
  Normalisation normalisation;
  if (!fs::is_regular_file(file)) {
    return normalisation;
  }
  const Json json = parse_json(read_file(file), file.string());
  try {
    for (const auto& [key, values] :
         {std::pair{"image_mean", &normalisation.mean}, {"image_std", &normalisation.std}}) {
      if (json.contains(key)) {
        *values = json.at(key).get<std::vector<double>>();
      }
      if (values->size() != 3) {
        fail("{}: {}: expected three numbers, one a channel, found {}", file.string(), key, values->size());
      }
    }
    if (json.value("resample", kBicubic) != kBicubic) {
      fail("{}: resample: expected {} (bicubic), CLIP's, found {}", file.string(), kBicubic,
           json.at("resample").dump());
    }
  } catch (const Json::exception& error) {
    fail("{}: expected a CLIPImageProcessor's image_mean and image_std: {}", file.string(), error.what());
  }
  return normalisation;
}

torch::Tensor by_channel(const std::vector<double>& values, torch::Device device) {
  return torch::tensor(values, torch::kFloat).view({1, 3, 1, 1}).to(device);
}

}  // namespace

Extractor load_clip_extractor(const fs::path& folder, torch::Device device) {
  if (!fs::is_regular_file(folder / "config.json")) {
    fail("{}: expected CLIP's folder with its config.json, found none", folder.string());
  }
  CLIPVisionModel model = load_clip_vision(folder);
  const Normalisation normalisation = read_normalisation(folder / "preprocessor_config.json");
  model->to(device);
  prepare_for_inference(*model);
  return {
      .name = "clip",
      .weights_sha256 = sha256_file(clip_weights(folder)),
      .normalisation = fmt::format("(x - ({})) / ({})", fmt::join(normalisation.mean, ", "),
                                   fmt::join(normalisation.std, ", ")),
      .image_pixels = model->config().image_size,
      .width = model->config().projection_dim,
      .features = [model, mean = by_channel(normalisation.mean, device),
                   std = by_channel(normalisation.std, device)](
                      const torch::Tensor& images) mutable { return model->forward((images - mean) / std); },
      .preparation = Preparation::kBicubicCrop};
}

}  // namespace medisyn
