#include <torch/nn/functional.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <numeric>

#include "medisyn/core/error.h"
#include "medisyn/data/dataset.h"
#include "medisyn/data/filter.h"
#include "medisyn/models/autoencoder_kl.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/models/init.h"
#include "medisyn/nn/flop_counter.h"
#include "medisyn/train/objective.h"

namespace medisyn {
namespace {

constexpr std::int64_t kEvalBatch = 32;
constexpr std::int64_t kLatentSample = 1024;  ///< training images over which the latents are measured

std::vector<std::int64_t> range(std::int64_t first, std::int64_t last) {
  std::vector<std::int64_t> indices(static_cast<std::size_t>(last - first));
  std::iota(indices.begin(), indices.end(), first);
  return indices;
}

struct VaeTraining {
  VaeTraining(const TrainConfig& full, torch::Device where)
      : config(full),
        device(where),
        model(random_component<AutoencoderKL>(full.vae, static_cast<std::uint64_t>(full.seed))),
        train(training_records(config), config.vae.sample_size),
        held_out(held_out_records(config), config.vae.sample_size) {
    model->to(device);
  }

  Batch load(const std::vector<SampleDraw>& draws) const {
    const std::int64_t side = config.vae.sample_size / config.vae.downsampling();
    return {{"images", train.pictures(indices_of(draws)).pixels},
            {"noise", noise_of(draws, "posterior", {config.vae.latent_channels, side, side})}};
  }

  //   images ─ encode ─ posterior ─ sample ─ decode ─ images'      loss(images, images') + kl_weight
  //   KL(posterior)
  torch::Tensor loss(Batch& batch) {
    for (auto& [name, tensor] : batch) {
      tensor = tensor.to(device);
    }
    const torch::Tensor& images = batch.at("images");
    torch::Tensor decoded;
    torch::Tensor kl;
    {
      const Autocast autocast(config.precision, device);
      const FlopCounter counter;
      const DiagonalGaussian posterior(model->encode(images).to(torch::kFloat));
      decoded = model->decode(posterior.sample(batch.at("noise"))).to(torch::kFloat);
      kl = posterior.kl().mean();
      flops_per_image = static_cast<double>(counter.flops()) / static_cast<double>(images.size(0));
    }
    return reconstruction_loss(decoded, images, config.vae_loss) + config.vae_loss.kl_weight * kl;
  }

  /// PSNR in dB, images in [-1, 1] seen as 0..1.
  std::vector<double> evaluate(std::int64_t first, std::int64_t last) {
    const torch::NoGradGuard no_grad;
    model->eval();
    const torch::Tensor images = held_out.pictures(range(first, last)).pixels.to(device);
    const torch::Tensor decoded = model->decode(DiagonalGaussian(model->encode(images)).mode()).clamp(-1, 1);
    const torch::Tensor squared = ((decoded - images) / 2).square().mean({1, 2, 3}).clamp_min(1e-10);
    const torch::Tensor psnr = (-10 * squared.log10()).to(torch::kCPU, torch::kDouble).contiguous();
    model->train();
    return {psnr.data_ptr<double>(), psnr.data_ptr<double>() + psnr.numel()};
  }

  void save(const std::filesystem::path& folder) {
    const torch::NoGradGuard no_grad;
    AutoencoderKLConfig measured = model->config();
    measured.scaling_factor = 1 / latent_deviation();
    const std::filesystem::path target = folder / "vae";
    std::filesystem::create_directories(target);
    const ComponentFiles files = component_files(measured);
    write_component_config(target, files, config_to_json(measured));
    save_parameters(target / files.weights, *model);
  }

  /// The standard deviation of all latent values, by posterior mean and variance.
  double latent_deviation() {
    double sum = 0;
    double squares = 0;
    double count = 0;
    const std::int64_t stride = std::max<std::int64_t>(train.size() / kLatentSample, 1);
    for (std::int64_t first = 0; first < train.size() / stride; first += kEvalBatch) {
      std::vector<std::int64_t> indices = range(first, std::min(first + kEvalBatch, train.size() / stride));
      for (std::int64_t& index : indices) {
        index *= stride;
      }
      const DiagonalGaussian posterior(model->encode(train.pictures(indices).pixels.to(device)));
      sum += posterior.mean.sum().item<double>();
      squares += (posterior.mean.square() + posterior.logvar.exp()).sum().item<double>();
      count += static_cast<double>(posterior.mean.numel());
    }
    return std::sqrt(squares / count - (sum / count) * (sum / count));
  }

  TrainConfig config;
  torch::Device device;
  AutoencoderKL model;
  ImageDataset train;
  ImageDataset held_out;
  double flops_per_image = 0;
};

}  // namespace

torch::Tensor reconstruction_loss(const torch::Tensor& decoded, const torch::Tensor& images,
                                  const VaeLossConfig& weights) {
  const torch::Tensor error = decoded - images;
  torch::Tensor loss = weights.l1 * error.abs().mean() + weights.l2 * error.square().mean();
  if (weights.gradient > 0) {
    loss = loss + weights.gradient * (error.diff(1, -1).square().mean() + error.diff(1, -2).square().mean());
  }
  return loss;
}

Objective make_vae_objective(const TrainConfig& config, torch::Device device) {
  if (config.cache.folder) {
    fail("cache: objective vae trains the encoder whose latents a cache would hold: remove this section");
  }
  const auto training = std::make_shared<VaeTraining>(config, device);
  Objective objective;
  objective.sample_ids = training->train.ids();
  objective.sample_types = training->train.image_types();
  for (const auto& parameter : training->model->named_parameters()) {
    objective.parameters.emplace_back(parameter.key(), parameter.value());
  }
  objective.sample_hashes = record_hashes(training->train.records());
  objective.load = [training](const std::vector<SampleDraw>& draws) { return training->load(draws); };
  objective.loss = [training](Batch& batch) { return training->loss(batch); };
  objective.flops_per_image = [training] { return training->flops_per_image; };
  objective.score = "validation/psnr";
  objective.held_out_types = training->held_out.image_types();
  objective.evaluate = [training](std::int64_t first, std::int64_t last) {
    return training->evaluate(first, last);
  };
  objective.save = [training](const std::filesystem::path& folder) { training->save(folder); };
  return objective;
}

}  // namespace medisyn
