// Named feature extractors: an image -> a vector in whose space images are compared.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "medisyn/core/run_record.h"
#include "medisyn/features/preparation.h"
#include "medisyn/io/image_source.h"

namespace medisyn {

class Communicator;

struct Extractor {
  std::string name;            ///< "efficientnet_lite0"
  std::string weights_sha256;  ///< of the weights file
  std::string normalisation;   ///< of pixels x in 0..1, in words
  std::int64_t image_pixels = 0;
  std::int64_t width = 0;  ///< D
  /// [B, 3, image_pixels, image_pixels] in 0..1 -> [B, D] fp32
  std::function<torch::Tensor(const torch::Tensor&)> features;
  Preparation preparation = Preparation::kBicubic;
  std::string mode = {};  ///< what the numbers equal: "pytorch-fid"; "" where the extractor has one way alone
};

/// The extractors there are.
std::vector<std::string> extractor_names();

/// The modes of `inception`, each named after the program whose features it gives. The first is the default.
std::vector<std::string> inception_modes();

/// Error, before anything is read, for an unknown name or mode, or no weights.
void check_extractor(const std::string& name, const std::filesystem::path& weights, const std::string& mode);

/// Loads one by name. All compute in fp32, on a CPU with AVX-512 by medisyn's own kernels.
///
/// - `inception`: FID's network out of pytorch-fid's or torch-fidelity's .pth file, or safetensors of the
/// same
///   names. `mode`: how pictures are resized and normalised.
/// - `efficientnet_lite0`: ImageNet-1k, trained at 224 px with bicubic resizing and (255 x - 127) / 128, out
///   of the safetensors file that scripts/convert_efficientnet.py writes.
/// - `resnet50`: torchvision's, out of its .pth file or safetensors, at 224 px.
/// - `biomedclip`: its folder (biomedclip_extractor.h).
/// - `clip`: the folder of a transformers CLIPModel (clip_extractor.h).
///
/// Error as check_extractor(), and for a missing file or one that does not fit.
Extractor load_extractor(const std::string& name, const std::filesystem::path& weights, torch::Device device,
                         const std::string& mode = "");

struct ExtractionOptions {
  std::filesystem::path cache = {};  ///< features made before (feature_cache.h); "": none
  Communicator* ranks = nullptr;     ///< each makes the features of a part, all get the whole
};

/// Features of images, prepared as the extractor wants them; decoding runs on all threads. Batches are cut
/// before ranks are considered, so any number of them gives the same. Error naming an image that is corrupt
/// or whose features are not finite: a score over fewer images than asked for would be another score.
/// -> [N, D] fp32 on the CPU
torch::Tensor extract_features(const Extractor& extractor, const std::vector<ImageSource>& images,
                               const std::string& label, torch::Device device,
                               const ExtractionOptions& options = {});

/// How the features were made, for result.json: two results with another description cannot be compared.
Json describe(const Extractor& extractor);

}  // namespace medisyn
