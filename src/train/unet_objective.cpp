#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/core/log.h"
#include "medisyn/core/random_key.h"
#include "medisyn/data/dataset.h"
#include "medisyn/data/filter.h"
#include "medisyn/diffusion/schedule.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/models/init.h"
#include "medisyn/nn/recompute.h"
#include "medisyn/pipeline/model_folder.h"
#include "medisyn/pipeline/stable_diffusion.h"
#include "medisyn/train/objective.h"

namespace medisyn {
namespace {

constexpr std::int64_t kEvalBatch = 64;

/// The folder of the VAE: itself, or the newest checkpoint's of a run that trained one.
std::filesystem::path vae_folder(const std::filesystem::path& folder) {
  if (const auto checkpoint = latest_of_run(folder)) {
    return *checkpoint / "vae";
  }
  return std::filesystem::exists(folder / "vae") ? folder / "vae" : folder;
}

StableDiffusion assemble(const TrainConfig& config) {
  const PartsConfig& parts = config.parts;
  if (parts.base) {
    StableDiffusion model = load_stable_diffusion(*parts.base);
    if (model.second) {
      fail("{}: a {} cannot be trained yet: expected a {}", parts.base->string(), kStableDiffusionXL,
           kStableDiffusion);
    }
    return model;
  }
  if (!parts.vae || !parts.tokenizer) {
    fail("parts: expected base, or vae and tokenizer for a model from scratch");
  }
  const auto seed = static_cast<std::uint64_t>(config.seed);
  StableDiffusion model{read_tokenizer(*parts.tokenizer, parts.text_encoder.max_position_embeddings),
                        random_component<CLIPTextModel>(parts.text_encoder, random_key({seed, 1})),
                        random_component<UNet2DConditionModel>(parts.unet, random_key({seed, 2})),
                        load_component<AutoencoderKL>(vae_folder(*parts.vae)), parts.scheduler};
  if (parts.unet.cross_attention_dim != std::vector{parts.text_encoder.hidden_size}) {
    fail("parts.unet.cross_attention_dim: expected the text encoder's hidden_size {}, found {}",
         parts.text_encoder.hidden_size, fmt::join(parts.unet.cross_attention_dim, ", "));
  }
  if (parts.text_encoder.vocab_size < model.tokenizer.vocab_size()) {
    fail("parts.text_encoder.vocab_size: expected at least the tokenizer's {}, found {}",
         model.tokenizer.vocab_size(), parts.text_encoder.vocab_size);
  }
  return model;
}

/// The unique captions, tokenised once; "" is the last.
struct Captions {
  torch::Tensor ids;  ///< [U, L] int64
  std::map<std::string, std::int64_t> index;

  Captions(const std::vector<const ImageDataset*>& datasets, const Tokenizer& tokenizer) {
    std::set<std::string> texts;
    for (const ImageDataset* dataset : datasets) {
      for (const Record& record : dataset->records) {
        texts.insert(record.text);
      }
    }
    texts.erase("");
    std::vector<std::string> ordered(texts.begin(), texts.end());
    ordered.emplace_back();
    std::vector<torch::Tensor> rows;
    for (const std::string& text : ordered) {
      const Encoding encoding = tokenizer.encode_with_loss(text);
      if (encoding.lost_tokens > 0) {
        log_warning("caption too long by {} tokens, \"{}\" is cut off: {}", encoding.lost_tokens,
                    encoding.lost_text, text);
      }
      index[text] = static_cast<std::int64_t>(rows.size());
      rows.push_back(torch::tensor(tokenizer.encode_padded(text)));
    }
    ids = torch::stack(rows);
  }
};

struct UnetTraining {
  UnetTraining(const TrainConfig& full, torch::Device where)
      : config(full), device(where), model(assemble(full)), schedule(model.scheduler) {
    const Manifest manifest = read_manifest(config.data.manifest);
    const std::int64_t pixels =
        model.unet->config().sample_size.value_or(64) * model.vae->config().downsampling();
    train = load_dataset(filtered(manifest, config.data.where), pixels);
    held_out = load_dataset(filtered(manifest, config.data.validation_where), pixels);
    captions =
        std::make_unique<Captions>(std::vector<const ImageDataset*>{&train, &held_out}, model.tokenizer);
    model.vae->to(device);
    model.unet->to(device);
    model.text_encoder->to(device);
    train_moments = encode(train);
    held_out_moments = encode(held_out);
    schedule.alphas_cumprod = schedule.alphas_cumprod.to(device);
    model.unet->train();
    if (config.train_text_encoder) {
      model.text_encoder->train();
    } else {
      const torch::NoGradGuard no_grad;
      embeddings = model.text_encoder.forward(captions->ids.to(device));
    }
  }

  /// Posterior moments of every image, once: the VAE is frozen. [N, 2C, h, w]
  torch::Tensor encode(const ImageDataset& dataset) {
    const torch::InferenceMode inference;
    std::vector<torch::Tensor> moments;
    for (std::int64_t first = 0; first < dataset.size(); first += kEvalBatch) {
      std::vector<std::int64_t> indices;
      for (std::int64_t i = first; i < std::min(first + kEvalBatch, dataset.size()); ++i) {
        indices.push_back(i);
      }
      moments.push_back(model.vae->encode(dataset.images(indices).to(device)));
    }
    return torch::cat(moments);
  }

  /// The embeddings of captions, each unique one encoded once: [B, L, D].
  torch::Tensor embed(const torch::Tensor& caption_of) {
    if (embeddings.defined()) {
      return embeddings.index_select(0, caption_of.to(device));
    }
    const auto [unique, inverse, counts] = at::_unique2(caption_of, true, true);
    const torch::Tensor ids = captions->ids.index_select(0, unique).to(device);
    return model.text_encoder.forward(ids).index_select(0, inverse.to(device));
  }

  /// The error of the prediction for each item: [B] fp32. Adds text_embeddings to the batch.
  //   latents + noise at t ─ U-Net(text) ─ prediction      mean (prediction - target)^2
  torch::Tensor errors(Batch& batch, const std::string& precision) {
    const torch::Tensor& latents = batch.at("latents");
    const torch::Tensor& noise = batch.at("noise");
    const torch::Tensor& timesteps = batch.at("timesteps");
    const torch::Tensor noisy = add_noise(schedule, latents, noise, timesteps);
    torch::Tensor prediction;
    {
      const Autocast autocast(precision, device);
      const torch::Tensor text = embed(batch.at("captions"));
      prediction = model.unet->forward(noisy, timesteps, text);
      batch["text_embeddings"] = text.detach();
    }
    const std::string& type = model.scheduler.prediction_type;
    const torch::Tensor target = prediction_target(schedule, type, latents, noise, timesteps);
    return (prediction.to(torch::kFloat) - target).square().mean({1, 2, 3});
  }

  Batch prepare(const std::vector<SampleDraw>& draws) const {
    std::vector<std::int64_t> indices;
    std::vector<std::int64_t> timesteps;
    std::vector<std::int64_t> caption_of;
    for (const SampleDraw& draw : draws) {
      indices.push_back(draw.index);
      timesteps.push_back(timestep_of(draw));
      const bool drop = draw.key("dropout") < config.caption_dropout * 4294967296.0;
      caption_of.push_back(
          captions->index.at(drop ? "" : train.records[static_cast<std::size_t>(draw.index)].text));
    }
    const DiagonalGaussian posterior(train_moments.index_select(0, torch::tensor(indices, device)));
    const auto shape = posterior.mean.sizes().slice(1);
    const torch::Tensor latents = posterior.sample(noise_of(draws, "posterior", shape).to(device));
    return {{"latents", latents * model.vae->config().scaling_factor},
            {"noise", noise_of(draws, "noise", shape).to(device)},
            {"timesteps", torch::tensor(timesteps, device)},
            {"captions", torch::tensor(caption_of)}};
  }

  torch::Tensor loss(Batch& batch) {
    std::optional<RecomputeBlocks> recompute;
    if (config.gradient_checkpointing) {
      recompute.emplace();
    }
    const torch::Tensor error = errors(batch, config.precision);
    return config.min_snr_gamma > 0 ? (error * min_snr_weight(batch.at("timesteps"))).mean() : error.mean();
  }

  /// Uniform over the schedule, from the draw's own key.
  std::int64_t timestep_of(const SampleDraw& draw) const {
    return draw.key("timestep") % static_cast<std::uint32_t>(model.scheduler.num_train_timesteps);
  }

  /// min(SNR, gamma) / SNR for the noise and min(SNR, gamma) / (SNR + 1) for v (Hang et al., section 3.4).
  torch::Tensor min_snr_weight(const torch::Tensor& timesteps) {
    const torch::Tensor alpha = schedule.alphas_cumprod.index_select(0, timesteps);
    const torch::Tensor snr = alpha / (1 - alpha);
    const torch::Tensor clipped = snr.clamp_max(config.min_snr_gamma);
    if (model.scheduler.prediction_type == "sample") {
      return clipped;
    }
    return clipped / (model.scheduler.prediction_type == "epsilon" ? snr : snr + 1);
  }

  /// Held-out images first .. last - 1 with noise and timestep fixed by their ids, the latents' mean and no
  /// dropout.
  Batch held_out_batch(std::int64_t first, std::int64_t last) const {
    std::vector<SampleDraw> draws;
    std::vector<std::int64_t> timesteps;
    std::vector<std::int64_t> caption_of;
    for (std::int64_t i = first; i < last; ++i) {
      const Record& record = held_out.records[static_cast<std::size_t>(i)];
      draws.push_back({.index = i, .id_hash = hash_text(record.id)});
      timesteps.push_back(timestep_of(draws.back()));
      caption_of.push_back(captions->index.at(record.text));
    }
    const torch::Tensor mean = DiagonalGaussian(held_out_moments.narrow(0, first, last - first)).mode();
    return {{"latents", mean * model.vae->config().scaling_factor},
            {"noise", noise_of(draws, "noise", mean.sizes().slice(1)).to(device)},
            {"timesteps", torch::tensor(timesteps, device)},
            {"captions", torch::tensor(caption_of)}};
  }

  Scores validate() {
    const torch::NoGradGuard no_grad;
    model.unet->eval();
    std::vector<double> values;
    for (std::int64_t first = 0; first < held_out.size(); first += kEvalBatch) {
      Batch batch = held_out_batch(first, std::min(first + kEvalBatch, held_out.size()));
      const torch::Tensor error = errors(batch, "fp32").to(torch::kCPU, torch::kDouble);
      values.insert(values.end(), error.data_ptr<double>(), error.data_ptr<double>() + error.numel());
    }
    model.unet->train();
    return mean_scores("validation/loss", values, held_out.image_types());
  }

  TrainConfig config;
  torch::Device device;
  StableDiffusion model;
  NoiseSchedule schedule;
  ImageDataset train;
  ImageDataset held_out;
  std::unique_ptr<Captions> captions;
  torch::Tensor train_moments;
  torch::Tensor held_out_moments;
  torch::Tensor embeddings;  ///< [U, L, D] of every caption when the text encoder is frozen
};

}  // namespace

Objective make_unet_objective(const TrainConfig& config, torch::Device device) {
  const auto training = std::make_shared<UnetTraining>(config, device);
  Objective objective;
  objective.sample_ids = training->train.ids();
  objective.sample_types = training->train.image_types();
  for (const auto& parameter : training->model.unet->named_parameters()) {
    objective.parameters.emplace_back("unet." + parameter.key(), parameter.value());
  }
  if (config.train_text_encoder) {
    for (const auto& parameter : training->model.text_encoder->named_parameters()) {
      objective.parameters.emplace_back("text_encoder." + parameter.key(), parameter.value());
    }
  }
  objective.prepare = [training](const std::vector<SampleDraw>& draws) { return training->prepare(draws); };
  objective.loss = [training](Batch& batch) { return training->loss(batch); };
  objective.validate = [training] { return training->validate(); };
  objective.save = [training](const std::filesystem::path& folder) {
    save_stable_diffusion(folder, training->model);
  };
  return objective;
}

}  // namespace medisyn
