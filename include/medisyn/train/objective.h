// What is trained, as the trainer sees it: parameters, a loss for some draws, values of held-out images, a
// folder to save.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "medisyn/data/manifest.h"
#include "medisyn/dist/ranks.h"
#include "medisyn/io/image.h"
#include "medisyn/train/config.h"
#include "medisyn/train/parameter_store.h"
#include "medisyn/train/sample_order.h"

namespace medisyn {

/// Named numbers in the order they are shown: {"validation/psnr/CT", 24.1}.
using Scores = std::vector<std::pair<std::string, double>>;

/// The tensors of one step, by name ("images", "noise"); which ones is the objective's own matter.
using Batch = std::map<std::string, torch::Tensor>;

/// Runs `make_share` for this rank, with a question that it asks now and then, waits for the other ranks, and
/// says whether to go on.
using MakeShare = std::function<bool(const Rank&, const std::function<bool()>& keep_going)>;
using MakeCache = std::function<bool(const MakeShare& make_share)>;

struct Objective {
  std::vector<std::string> sample_ids;      ///< of the training images
  std::vector<std::string> sample_types;    ///< their image types
  std::vector<std::int64_t> sample_hashes;  ///< of all that a training image is: id, file, caption, type
  NamedParameters parameters;               ///< in the order of the optimizer's buffer

  /// What the loss of some draws needs, on the CPU: the part of a step that waits for data. Any thread.
  std::function<Batch(const std::vector<SampleDraw>&)> load;
  /// The mean loss of a batch, [] with a graph, on the device. Leaves in the batch what the model saw.
  std::function<torch::Tensor(Batch&)> loss;

  std::string score;                        ///< what evaluate() gives: "validation/loss"
  std::vector<std::string> held_out_types;  ///< image types of the held-out images
  /// A value for each held-out image first .. last - 1, with the parameters as they are, without gradients.
  std::function<std::vector<double>(std::int64_t first, std::int64_t last)> evaluate;

  /// Floating point operations of the trained network's last forward pass (nn/flop_counter.h), an image.
  std::function<double()> flops_per_image;

  /// Writes the model as a Hugging Face folder.
  std::function<void(const std::filesystem::path&)> save;
  /// A picture of one of the config's preview prompts, with the parameters as they are; none for a VAE.
  std::function<Image(std::int64_t prompt)> preview;
};

/// One hash a record, of id, file name, the file's own hash, caption and image type.
std::vector<std::int64_t> record_hashes(const std::vector<Record>& records);

/// An AutoencoderKL from scratch; scores are PSNRs in dB of the posterior's mode, data range 1, of each
/// image. save() measures the latents and writes scaling_factor = 1 / their standard deviation over (at most
/// 1,024) training images.
Objective make_vae_objective(const TrainConfig& config, torch::Device device);

/// l1 |e| + l2 e^2 + gradient ((dx e)^2 + (dy e)^2), each a mean over its values, [] with e = decoded -
/// images of [B, C, H, W] and differences between neighbouring pixels. The weights are those of
/// VaeLossConfig.
torch::Tensor reconstruction_loss(const torch::Tensor& decoded, const torch::Tensor& images,
                                  const VaeLossConfig& weights);

/// A text-conditioned U-Net, with or without its text encoder, over latents of a frozen VAE (unet_inputs.h);
/// scores are losses of held-out images. save() writes a Stable Diffusion folder. Nothing is made when
/// `make_cache` says not to go on.
std::optional<Objective> make_unet_objective(const TrainConfig& config, torch::Device device,
                                             const MakeCache& make_cache);

/// Standard normal noise of `shape` for each draw, from the generator of its key: [B, shape...] fp32 on the
/// CPU.
torch::Tensor noise_of(const std::vector<SampleDraw>& draws, std::string_view purpose,
                       torch::IntArrayRef shape);

/// The images of some draws.
std::vector<std::int64_t> indices_of(const std::vector<SampleDraw>& draws);

/// The config's training records. Error when one of them, its patient or its group is held out as well.
Manifest training_records(const TrainConfig& config);

/// The config's held-out records: a seeded draw of data.validation_images, in the manifest's order.
Manifest held_out_records(const TrainConfig& config);

/// Averages of per-image values over all and over each image type, named prefix and prefix/TYPE.
Scores mean_scores(const std::string& prefix, const std::vector<double>& values,
                   const std::vector<std::string>& types);

/// The dtype of frozen parts in a `precision` of TrainConfig.
inline torch::ScalarType dtype_of(const std::string& precision) {
  return precision == "bf16" ? torch::kBFloat16 : torch::kFloat;
}

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
