#include <memory>

#include "medisyn/core/random_key.h"
#include "medisyn/data/transforms.h"
#include "medisyn/diffusion/schedule.h"
#include "medisyn/models/frozen_copy.h"
#include "medisyn/models/lora.h"
#include "medisyn/nn/flop_counter.h"
#include "medisyn/nn/recompute.h"
#include "medisyn/pipeline/text_to_image.h"
#include "medisyn/train/objective.h"
#include "medisyn/train/starting_model.h"
#include "medisyn/train/unet_inputs.h"

namespace medisyn {
namespace {

struct UnetTraining {
  UnetTraining(const TrainConfig& full, torch::Device where)
      : config(full),
        device(where),
        is_channels_last(full.channels_last.value_or(where.is_cuda())),
        model(starting_model(full)),
        schedule(model.scheduler),
        inputs(full, model, where) {
    model.unet->to(device);
    model.unet->train();
    if (is_channels_last) {
      for (torch::Tensor& parameter : model.unet->parameters()) {
        if (parameter.dim() == 4) {
          parameter.set_data(parameter.contiguous(torch::MemoryFormat::ChannelsLast));
        }
      }
    }
    if (config.train_text_encoder) {
      model.text_encoder->train();
    }
    schedule.alphas_cumprod = schedule.alphas_cumprod.to(device);
    if (config.lora.rank > 0) {
      lora.emplace(*model.unet, config.lora,
                   random_key({static_cast<std::uint64_t>(config.seed), hash_text("lora")}));
    }
    release_frozen();
  }

  /// What is used of the frozen parts are copies.
  void release_frozen() const {
    release_weights(*model.vae);
    if (!config.train_text_encoder) {
      release_weights(*model.text_encoder);
    }
    if (model.second) {
      release_weights(*model.second->text_encoder);
    }
  }

  NamedParameters parameters() const {
    NamedParameters list;
    if (lora) {
      list = lora->parameters();
    } else {
      for (const auto& parameter : model.unet->named_parameters()) {
        list.emplace_back("unet." + parameter.key(), parameter.value());
      }
    }
    if (config.train_text_encoder) {
      for (const auto& [name, parameter] : model.text_encoder.used_parameters(model.second.has_value())) {
        list.emplace_back("text_encoder." + name, parameter);
      }
    }
    return list;
  }

  /// The error of the prediction for each item: [B] fp32.
  //   latents + noise at t ─ U-Net(text) ─ prediction      mean (prediction - target)^2
  torch::Tensor errors(Batch& batch) {
    inputs.encode(batch);
    torch::Tensor noisy = add_noise(schedule, batch.at("latents"), batch.at("noise"), batch.at("timesteps"));
    if (is_channels_last) {
      noisy = noisy.contiguous(torch::MemoryFormat::ChannelsLast);
    }
    AddedConditions added;
    if (model.second) {
      added = {.text_embeds = batch.at("pooled_text_embeddings"), .time_ids = batch.at("time_ids")};
    }
    if (lora) {
      lora->merge();
    }
    const FlopCounter counter;
    torch::Tensor prediction;
    {
      const Autocast autocast(config.precision, device);
      prediction = model.unet->forward(noisy, batch.at("timesteps"), batch.at("text_embeddings"), added);
    }
    flops_per_image = static_cast<double>(counter.flops()) / static_cast<double>(noisy.size(0));
    const torch::Tensor target =
        prediction_target(schedule, model.scheduler.prediction_type, batch.at("latents"), batch.at("noise"),
                          batch.at("timesteps"));
    return (prediction.to(torch::kFloat) - target).square().mean({1, 2, 3});
  }

  torch::Tensor loss(Batch& batch) {
    std::optional<RecomputeBlocks> recompute;
    if (config.gradient_checkpointing) {
      recompute.emplace();
    }
    const torch::Tensor error = errors(batch);
    for (auto& [name, tensor] : batch) {
      tensor = tensor.detach();
    }
    return config.min_snr_gamma > 0 ? (error * min_snr_weight(batch.at("timesteps"))).mean() : error.mean();
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

  std::vector<double> evaluate(std::int64_t first, std::int64_t last) {
    const torch::NoGradGuard no_grad;
    const WithEval eval(*this);
    Batch batch = inputs.load_held_out(first, last);
    const torch::Tensor error = errors(batch).to(torch::kCPU, torch::kDouble).contiguous();
    return {error.data_ptr<double>(), error.data_ptr<double>() + error.numel()};
  }

  /// The pipeline of `medisyn generate` over copies of the parts.
  Image preview(std::int64_t prompt) {
    const torch::NoGradGuard no_grad;
    const Merged merged(lora);
    StableDiffusion copy{.tokenizer = model.tokenizer,
                         .text_encoder = model.text_encoder.shallow_copy(),
                         .unet = shallow_copy(model.unet),
                         .vae = shallow_copy(model.vae),
                         .scheduler = model.scheduler,
                         .second = {},
                         .force_zeros_for_empty_prompt = model.force_zeros_for_empty_prompt};
    if (model.second) {
      copy.second = {.tokenizer = model.second->tokenizer,
                     .text_encoder = shallow_copy(model.second->text_encoder)};
    }
    TextToImage pipeline(std::move(copy), device, dtype_of(config.precision));
    const ImageRequest request{
        .text = config.preview.prompts[static_cast<std::size_t>(prompt)],
        .negative = model.second ? std::nullopt : std::optional<std::string>(""),
        .seed = static_cast<std::uint32_t>(config.preview.seed + prompt),
        .scale = config.preview.scale,
        .size = pipeline.default_size(),
        .sampler = {.sampler = default_sampler(model.scheduler), .steps = config.preview.steps}};
    const torch::Tensor drawn = pipeline.draw(std::vector{request}, 1)->images[0].nan_to_num(0);
    release_frozen();
    return to_image(drawn);
  }

  void save(const std::filesystem::path& folder) {
    {
      const Merged merged(lora);
      save_stable_diffusion(folder, model);
    }
    if (lora) {
      lora->save(folder);
    }
    release_frozen();
  }

  /// What is saved and drawn with are the adapted weights.
  struct Merged {
    explicit Merged(std::optional<LoraAdapters>& lora) {
      if (lora) {
        scope.emplace(*lora);
      }
    }
    std::optional<WithMergedLora> scope;
  };

  /// Dropout is off for the length of a scope.
  struct WithEval {
    explicit WithEval(UnetTraining& of) : training(of) {
      training.model.unet->eval();
      set_text(false);
    }
    ~WithEval() {
      training.model.unet->train();
      set_text(true);
    }
    WithEval(const WithEval&) = delete;
    WithEval& operator=(const WithEval&) = delete;
    void set_text(bool on) const {
      if (training.config.train_text_encoder) {
        training.model.text_encoder->train(on);
      }
    }
    UnetTraining& training;
  };

  TrainConfig config;
  torch::Device device;
  bool is_channels_last;
  StableDiffusion model;
  NoiseSchedule schedule;
  UnetInputs inputs;
  std::optional<LoraAdapters> lora;
  double flops_per_image = 0;  ///< of the U-Net's forward pass
};

}  // namespace

std::optional<Objective> make_unet_objective(const TrainConfig& config, torch::Device device,
                                             const MakeCache& make_cache) {
  const auto training = std::make_shared<UnetTraining>(config, device);
  UnetInputs& inputs = training->inputs;
  if (config.cache.folder) {
    if (!make_cache([&](const Rank& rank, const std::function<bool()>& keep_going) {
          return inputs.make_cache(rank, keep_going);
        })) {
      return std::nullopt;
    }
    inputs.open_cache();
  }
  Objective objective;
  objective.sample_ids = inputs.train().ids();
  objective.sample_types = inputs.train().image_types();
  objective.sample_hashes = record_hashes(inputs.train().records());
  objective.parameters = training->parameters();
  objective.load = [training](const std::vector<SampleDraw>& draws) { return training->inputs.load(draws); };
  objective.loss = [training](Batch& batch) { return training->loss(batch); };
  objective.score = "validation/loss";
  objective.held_out_types = inputs.held_out().image_types();
  objective.evaluate = [training](std::int64_t first, std::int64_t last) {
    return training->evaluate(first, last);
  };
  objective.flops_per_image = [training] { return training->flops_per_image; };
  objective.save = [training](const std::filesystem::path& folder) { training->save(folder); };
  objective.preview = [training](std::int64_t prompt) { return training->preview(prompt); };
  return objective;
}

}  // namespace medisyn
