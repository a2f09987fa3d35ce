#include "medisyn/train/memory_plan.h"

#include <fmt/format.h>

#include "medisyn/models/hf_folder.h"
#include "medisyn/nn/layers.h"
#include "medisyn/pipeline/model_folder.h"
#include "medisyn/train/objective.h"

namespace medisyn {
namespace {

constexpr std::int64_t kFloat = 4;  ///< bytes

std::int64_t lora_parameters(const torch::nn::Module& unet, const LoraConfig& config) {
  std::int64_t count = 0;
  for (const auto& parameter : unet.named_parameters()) {
    for (const std::string& target : config.targets) {
      if (parameter.key().ends_with("." + target + ".weight")) {
        count += config.rank * (parameter.value().size(0) + parameter.value().size(1));
      }
    }
  }
  return count;
}

/// What is trained, and what stands by as it is.
struct Counts {
  std::int64_t trained = 0;
  std::int64_t base_of_adapters = 0;
  std::int64_t frozen = 0;
};

Counts count_folder(const TrainConfig& config) {
  const ModelFolder model = read_model_frame(*config.parts.base);
  const auto count = [&](const char* name) { return parameter_count(*model.components.at(name).module); };
  Counts counts;
  if (config.lora.rank > 0) {
    counts.trained = lora_parameters(*model.components.at("unet").module, config.lora);
    counts.base_of_adapters = count("unet");
  } else {
    counts.trained = count("unet");
  }
  (config.train_text_encoder ? counts.trained : counts.frozen) += count("text_encoder");
  if (config.cache.folder && config.cache.captions) {
    counts.frozen = 0;
  } else if (model.components.contains("text_encoder_2")) {
    counts.frozen += count("text_encoder_2");
  }
  if (!config.cache.folder) {
    counts.frozen += count("vae");
  }
  return counts;
}

Counts count_scratch(const TrainConfig& config) {
  const UninitialisedParameters guard;
  if (config.objective == "vae") {
    return {.trained = parameter_count(*AutoencoderKL(config.vae))};
  }
  const std::int64_t text = parameter_count(*CLIPTextModel(config.parts.text_encoder));
  return {.trained = parameter_count(*UNet2DConditionModel(config.parts.unet)) +
                     (config.train_text_encoder ? text : 0),
          .frozen = config.train_text_encoder ? 0 : text};
}

}  // namespace

MemoryPlan plan_memory(const TrainConfig& config, std::int64_t world) {
  const Counts counts =
      config.objective == "unet" && config.parts.base ? count_folder(config) : count_scratch(config);
  const auto frozen_bytes = static_cast<std::int64_t>(torch::elementSize(dtype_of(config.precision)));
  const std::int64_t states = 2 + (config.optimizer.ema_decay > 0 ? 1 : 0);
  const std::int64_t owned = config.optimizer.shard ? (counts.trained + world - 1) / world : counts.trained;
  return {.trained = counts.trained,
          .weights = (counts.trained + counts.base_of_adapters) * kFloat + counts.frozen * frozen_bytes,
          .gradients = counts.trained * kFloat * (world > 1 ? 2 : 1),
          .optimizer = owned * kFloat * states};
}

std::string format_gigabytes(std::int64_t bytes) {
  return fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9);
}

}  // namespace medisyn
