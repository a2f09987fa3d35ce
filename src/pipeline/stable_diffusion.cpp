#include "medisyn/pipeline/stable_diffusion.h"

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/pipeline/model_index.h"

namespace medisyn {
namespace {

constexpr std::int64_t kTimeIds = 6;  ///< sizes and corner of AddedConditions::time_ids

void check_vocabulary(const fs::path& encoder, const Tokenizer& tokenizer, std::int64_t vocab_size,
                      std::int64_t max_position_embeddings) {
  if (tokenizer.vocab_size() > vocab_size) {
    fail("{}: the tokenizer has {} tokens, and the text encoder's vocab_size is {}", encoder.string(),
         tokenizer.vocab_size(), vocab_size);
  }
  if (tokenizer.model_max_length() > max_position_embeddings) {
    fail("{}: the tokenizer's model_max_length is {}, and the text encoder's max_position_embeddings {}",
         encoder.string(), tokenizer.model_max_length(), max_position_embeddings);
  }
}

/// SDXL's U-Net sees the pooled text and six numbers; that of SD sees neither.
void check_added_conditions(const fs::path& folder, const StableDiffusion& model) {
  const auto& unet = model.unet->config();
  if (unet.addition_embed_type.has_value() != model.second.has_value()) {
    fail("{}: unet/config.json: addition_embed_type: expected {} for this pipeline", folder.string(),
         model.second ? "text_time" : "none");
  }
  if (!model.second) {
    return;
  }
  const std::int64_t width =
      model.second->text_encoder->config().projection_dim + kTimeIds * *unet.addition_time_embed_dim;
  if (unet.projection_class_embeddings_input_dim != width) {
    fail(
        "{}: unet/config.json: projection_class_embeddings_input_dim: expected {} = text_encoder_2's "
        "projection_dim + {} addition_time_embed_dim, found {}",
        folder.string(), width, kTimeIds, *unet.projection_class_embeddings_input_dim);
  }
}

void check_fit(const fs::path& folder, const StableDiffusion& model) {
  const auto& unet = model.unet->config();
  const std::int64_t text_width = model.text_encoder.hidden_size() +
                                  (model.second ? model.second->text_encoder->config().hidden_size : 0);
  for (const std::int64_t width : unet.cross_attention_dim) {
    if (width != text_width) {
      fail("{}: the U-Net attends to text of width {}, and the text encoder's hidden_size is {}",
           folder.string(), width, text_width);
    }
  }
  check_added_conditions(folder, model);
  const std::int64_t latent_channels = model.vae->config().latent_channels;
  if (unet.in_channels != latent_channels || unet.out_channels != latent_channels) {
    fail("{}: the U-Net goes from {} to {} channels, and the VAE has {} latent channels", folder.string(),
         unet.in_channels, unet.out_channels, latent_channels);
  }
  check_vocabulary(folder / "text_encoder", model.tokenizer, model.text_encoder.vocab_size(),
                   model.text_encoder.max_position_embeddings());
  if (model.second) {
    const auto& config = model.second->text_encoder->config();
    check_vocabulary(folder / "text_encoder_2", model.second->tokenizer, config.vocab_size,
                     config.max_position_embeddings);
  }
}

}  // namespace

StableDiffusion load_stable_diffusion(const fs::path& path, torch::ScalarType dtype) {
  const fs::path folder = resolve_model_folder(path);
  const ModelIndex index = read_model_index(folder);
  StableDiffusion model{
      .tokenizer = Tokenizer::load(folder / "tokenizer"),
      .text_encoder = TextEncoder::load(folder / "text_encoder", dtype),
      .unet = load_component<UNet2DConditionModel>(folder / "unet", dtype),
      .vae = load_component<AutoencoderKL>(folder / "vae", dtype),
      .scheduler = read_scheduler_config(folder / "scheduler"),
      .force_zeros_for_empty_prompt = index.force_zeros_for_empty_prompt,
      .is_as_read = true,
  };
  if (index.pipeline == kStableDiffusionXL) {
    model.second = {
        .tokenizer = Tokenizer::load(folder / "tokenizer_2"),
        .text_encoder = load_component<CLIPTextModelWithProjection>(folder / "text_encoder_2", dtype)};
  }
  check_fit(folder, model);
  return model;
}

void save_stable_diffusion(const fs::path& folder, const StableDiffusion& model) {
  fs::create_directories(folder);
  model.tokenizer.save(folder / "tokenizer");
  model.text_encoder.save(folder / "text_encoder");
  save_component(folder / "unet", model.unet);
  save_component(folder / "vae", model.vae);
  write_scheduler_config(folder / "scheduler", model.scheduler);
  ModelIndex index;
  index.pipeline = model.second ? kStableDiffusionXL : kStableDiffusion;
  index.force_zeros_for_empty_prompt = model.force_zeros_for_empty_prompt;
  index.classes = {{"scheduler", model.scheduler.class_name},
                   {"text_encoder", model.text_encoder.class_name()},
                   {"tokenizer", model.tokenizer.class_name()},
                   {"unet", "UNet2DConditionModel"},
                   {"vae", "AutoencoderKL"}};
  if (model.second) {
    model.second->tokenizer.save(folder / "tokenizer_2");
    save_component(folder / "text_encoder_2", model.second->text_encoder);
    index.classes["tokenizer_2"] = model.second->tokenizer.class_name();
    index.classes["text_encoder_2"] = "CLIPTextModelWithProjection";
  }
  write_model_index(folder, index);  // last, so that a folder with an index is whole
}

}  // namespace medisyn
