// What is trained, as the trainer sees it: parameters, a loss for some draws, a validation, a folder to save.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "medisyn/train/config.h"
#include "medisyn/train/parameter_store.h"
#include "medisyn/train/sample_order.h"

namespace medisyn {

/// Named numbers in the order they are shown: {"validation/psnr/CT", 24.1}.
using Scores = std::vector<std::pair<std::string, double>>;

/// The tensors of one step, by name ("images", "noise"); which ones is the objective's own matter.
using Batch = std::map<std::string, torch::Tensor>;

struct Objective {
  std::vector<std::string> sample_ids;    ///< of the training images
  std::vector<std::string> sample_types;  ///< their image types
  NamedParameters parameters;             ///< in the order of the optimizer's buffer

  /// What the loss of some draws needs, gathered on the device: the part of a step that waits for data.
  std::function<Batch(const std::vector<SampleDraw>&)> prepare;
  /// The mean loss of a batch, [] with a graph. Adds to the batch what it made of it ("text_embeddings").
  std::function<torch::Tensor(Batch&)> loss;
  /// Scores of the held-out images with the parameters as they are. Runs without gradients.
  std::function<Scores()> validate;
  /// Writes the model as a Hugging Face folder.
  std::function<void(const std::filesystem::path&)> save;
};

/// An AutoencoderKL from scratch; scores are PSNRs in dB of the posterior's mode, data range 1, each image's
/// own and then averaged, for all images and each type. save() measures the latents and writes scaling_factor
/// = 1 / their standard deviation over (at most 1,024) training images.
Objective make_vae_objective(const TrainConfig& config, torch::Device device);

/// l1 |e| + l2 e^2 + gradient ((dx e)^2 + (dy e)^2), each a mean over its values, [] with e = decoded -
/// images of [B, C, H, W] and differences between neighbouring pixels. The weights are those of
/// VaeLossConfig.
torch::Tensor reconstruction_loss(const torch::Tensor& decoded, const torch::Tensor& images,
                                  const VaeLossConfig& weights);

/// A text-conditioned U-Net, with or without its text encoder, over latents of a frozen VAE that are computed
/// once; each draw takes a fresh posterior sample. Scores are the mean loss of held-out images with noise and
/// timestep fixed by the image's id, for all images and each type. save() writes a Stable Diffusion folder.
Objective make_unet_objective(const TrainConfig& config, torch::Device device);

/// Standard normal noise of `shape` for each draw, from the generator of its key: [B, shape...] fp32 on the
/// CPU.
torch::Tensor noise_of(const std::vector<SampleDraw>& draws, std::string_view purpose,
                       torch::IntArrayRef shape);

/// Averages of per-image values over all and over each image type, named prefix and prefix/TYPE.
Scores mean_scores(const std::string& prefix, const std::vector<double>& values,
                   const std::vector<std::string>& types);

/// bf16 autocast for the length of a scope where `precision` says so.
class Autocast {
 public:
  Autocast(const std::string& precision, torch::Device device);
  ~Autocast();
  Autocast(const Autocast&) = delete;
  Autocast& operator=(const Autocast&) = delete;

 private:
  bool enabled_;
  torch::DeviceType type_;
};

}  // namespace medisyn
