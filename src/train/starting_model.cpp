#include "medisyn/train/starting_model.h"

#include <fmt/ranges.h>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/random_key.h"
#include "medisyn/models/biomedclip.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/models/init.h"
#include "medisyn/pipeline/model_folder.h"

namespace medisyn {
namespace {

/// What BiomedCLIP is given here: Stable Diffusion's own length, and not the 256 it was trained with, so that
/// a text costs the U-Net what it always did.
constexpr std::int64_t kBiomedClipTokens = 77;

/// The folder of the VAE: itself, or the newest checkpoint's of a run that trained one.
fs::path vae_folder(const fs::path& folder) {
  if (const auto checkpoint = latest_of_run(folder)) {
    return *checkpoint / "vae";
  }
  return fs::exists(folder / "vae") ? folder / "vae" : folder;
}

/// Another text encoder for a Stable Diffusion.
void replace_text_encoder(StableDiffusion& model, const fs::path& folder) {
  if (model.second) {
    fail("parts.text: a {} has two text encoders: expected a {} as parts.base", kStableDiffusionXL,
         kStableDiffusion);
  }
  if (is_open_clip_folder(folder)) {
    model.text_encoder = load_biomedclip(folder).model->text_transformer();
    model.tokenizer = WordPieceTokenizer::load(folder).with_max_length(kBiomedClipTokens);
  } else {
    model.text_encoder = TextEncoder::load(folder / "text_encoder");
    model.tokenizer = Tokenizer::load(folder / "tokenizer");
  }
  const std::int64_t width = model.text_encoder.hidden_size();
  if (model.unet->config().cross_attention_dim != std::vector{width}) {
    fail("parts.text: {}: its hidden_size is {}, and the U-Net attends to text of width {}", folder.string(),
         width, fmt::join(model.unet->config().cross_attention_dim, ", "));
  }
}

StableDiffusion from_scratch(const TrainConfig& config) {
  const PartsConfig& parts = config.parts;
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

void set_scheduler(SchedulerConfig& scheduler, const TrainConfig& config) {
  scheduler.prediction_type = config.prediction_type.value_or(scheduler.prediction_type);
  if (!config.zero_terminal_snr) {
    return;
  }
  if (scheduler.prediction_type == "epsilon") {
    fail(
        "zero_terminal_snr: the last timestep is all noise, and its noise tells nothing of the image: "
        "expected "
        "prediction_type: v_prediction, found epsilon");
  }
  scheduler.class_name = "DDIMScheduler";
  scheduler.rescale_betas_zero_snr = true;
  scheduler.timestep_spacing = "trailing";
  scheduler.clip_sample = scheduler.clip_sample.value_or(false);
}

}  // namespace

StableDiffusion starting_model(const TrainConfig& config) {
  StableDiffusion model =
      config.parts.base ? load_stable_diffusion(*config.parts.base) : from_scratch(config);
  if (config.parts.text) {
    if (!config.parts.base) {
      fail("parts.text: stands for the text encoder of parts.base, which is missing");
    }
    replace_text_encoder(model, *config.parts.text);
  }
  if (config.empty_prompt == "zeros" && !model.second) {
    fail("empty_prompt: zeros stand for \"\" in a {} alone: expected encoded", kStableDiffusionXL);
  }
  model.force_zeros_for_empty_prompt = config.empty_prompt == "zeros";
  set_scheduler(model.scheduler, config);
  return model;
}

}  // namespace medisyn
