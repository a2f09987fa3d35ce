#include "medisyn/features/biomedclip_extractor.h"

#include <fmt/ranges.h>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/models/biomedclip.h"
#include "medisyn/nn/layers.h"

namespace medisyn {
namespace {

/// [1, 3, 1, 1]
torch::Tensor by_channel(const std::vector<double>& values, const char* key, const fs::path& folder) {
  if (values.size() != 3) {
    fail("{}: preprocess_cfg: {}: expected three numbers, one a channel, found {}",
         (folder / "open_clip_config.json").string(), key, values.size());
  }
  return torch::tensor(values, torch::kFloat).view({1, 3, 1, 1});
}

}  // namespace

Extractor load_biomedclip_extractor(const fs::path& folder, torch::Device device) {
  if (!is_open_clip_folder(folder)) {
    fail("{}: expected BiomedCLIP's folder with its open_clip_config.json, found none", folder.string());
  }
  BiomedClipFolder read = load_biomedclip(folder);
  const OpenClipPreprocessConfig& preparation = read.config.preprocess_cfg;
  const torch::Tensor mean = by_channel(preparation.mean, "mean", folder).to(device);
  const torch::Tensor std = by_channel(preparation.std, "std", folder).to(device);
  read.model->to(device);
  prepare_for_inference(*read.model);
  return {.name = "biomedclip",
          .weights_sha256 = sha256_file(biomedclip_weights(folder)),
          .normalisation = fmt::format("(x - ({})) / ({})", fmt::join(preparation.mean, ", "),
                                       fmt::join(preparation.std, ", ")),
          .image_pixels = read.config.model_cfg.vision_cfg.image_size,
          .width = read.config.model_cfg.embed_dim,
          .features = [model = read.model, mean, std](const torch::Tensor& images) mutable {
            return model->encode_image((images - mean) / std);
          }};
}

}  // namespace medisyn
