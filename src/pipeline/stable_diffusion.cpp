#include "medisyn/pipeline/stable_diffusion.h"

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/pipeline/model_index.h"

namespace medisyn {
namespace {

void check_fit(const fs::path& folder, const StableDiffusion& model) {
  const auto& unet = model.unet->config();
  const std::int64_t text_width = model.text_encoder.hidden_size();
  for (const std::int64_t width : unet.cross_attention_dim) {
    if (width != text_width) {
      fail("{}: the U-Net attends to text of width {}, and the text encoder's hidden_size is {}",
           folder.string(), width, text_width);
    }
  }
  const std::int64_t latent_channels = model.vae->config().latent_channels;
  if (unet.in_channels != latent_channels || unet.out_channels != latent_channels) {
    fail("{}: the U-Net goes from {} to {} channels, and the VAE has {} latent channels", folder.string(),
         unet.in_channels, unet.out_channels, latent_channels);
  }
  if (model.tokenizer.vocab_size() > model.text_encoder.vocab_size()) {
    fail("{}: the tokenizer has {} tokens, and the text encoder's vocab_size is {}", folder.string(),
         model.tokenizer.vocab_size(), model.text_encoder.vocab_size());
  }
  if (model.tokenizer.model_max_length() > model.text_encoder.max_position_embeddings()) {
    fail("{}: the tokenizer's model_max_length is {}, and the text encoder's max_position_embeddings {}",
         folder.string(), model.tokenizer.model_max_length(), model.text_encoder.max_position_embeddings());
  }
}

}  // namespace

StableDiffusion load_stable_diffusion(const fs::path& path, torch::ScalarType dtype) {
  const fs::path folder = resolve_model_folder(path);
  const ModelIndex index = read_model_index(folder);
  if (index.pipeline != kStableDiffusion) {
    fail("{}: _class_name: expected {}, found {}", (folder / kModelIndex).string(), kStableDiffusion,
         index.pipeline);
  }
  StableDiffusion model{
      .tokenizer = Tokenizer::load(folder / "tokenizer"),
      .text_encoder = TextEncoder::load(folder / "text_encoder", dtype),
      .unet = load_component<UNet2DConditionModel>(folder / "unet", dtype),
      .vae = load_component<AutoencoderKL>(folder / "vae", dtype),
      .scheduler = read_scheduler_config(folder / "scheduler"),
  };
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
  index.pipeline = kStableDiffusion;
  index.classes = {{"scheduler", model.scheduler.class_name},
                   {"text_encoder", model.text_encoder.class_name()},
                   {"tokenizer", model.tokenizer.class_name()},
                   {"unet", "UNet2DConditionModel"},
                   {"vae", "AutoencoderKL"}};
  write_model_index(folder, index);  // last, so that a folder with an index is whole
}

}  // namespace medisyn
