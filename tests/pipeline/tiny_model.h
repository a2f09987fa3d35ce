// A whole Stable Diffusion of random weights and a third of a megabyte: 32x32 pixels, 8x8 latents.
#pragma once

#include <ATen/Parallel.h>

#include <filesystem>

#include "medisyn/models/init.h"
#include "medisyn/pipeline/stable_diffusion.h"

namespace medisyn {

inline CLIPTextConfig tiny_text_config(std::int64_t vocab_size) {
  CLIPTextConfig config;
  config.vocab_size = vocab_size;
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.bos_token_id = vocab_size - 2;
  config.eos_token_id = vocab_size - 1;
  return config;
}

inline UNet2DConditionConfig tiny_unet_config() {
  UNet2DConditionConfig config;
  config.sample_size = 8;
  config.down_block_types = {"CrossAttnDownBlock2D", "DownBlock2D"};
  config.up_block_types = {"UpBlock2D", "CrossAttnUpBlock2D"};
  config.block_out_channels = {16, 32};
  config.layers_per_block = {1};
  config.norm_num_groups = 8;
  config.cross_attention_dim = {32};
  config.attention_head_dim = {2};
  return config;
}

inline AutoencoderKLConfig tiny_vae_config() {
  AutoencoderKLConfig config;
  config.down_block_types = {"DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"};
  config.up_block_types = {"UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"};
  config.block_out_channels = {8, 16, 16};
  config.norm_num_groups = 8;
  config.sample_size = 32;
  return config;
}

/// `merges`: a merges.txt for the tokenizer.
inline StableDiffusion tiny_model(const std::filesystem::path& merges,
                                  const SchedulerConfig& scheduler = stable_diffusion_scheduler()) {
  at::set_num_threads(1);  // two threads would spend their time on waiting for each other
  ClipTokenizer tokenizer = ClipTokenizer::from_merges(merges);
  auto text_encoder = random_component<CLIPTextModel>(tiny_text_config(tokenizer.vocab_size()), 1);
  auto unet = random_component<UNet2DConditionModel>(tiny_unet_config(), 2);
  auto vae = random_component<AutoencoderKL>(tiny_vae_config(), 3);
  return {.tokenizer = std::move(tokenizer),
          .text_encoder = std::move(text_encoder),
          .unet = std::move(unet),
          .vae = std::move(vae),
          .scheduler = scheduler};
}

/// The same as an SDXL: texts of both encoders, 32 + 24 wide, the pooled one of 20, and the picture's size.
inline StableDiffusion tiny_xl_model(const std::filesystem::path& merges,
                                     const SchedulerConfig& scheduler = stable_diffusion_scheduler()) {
  StableDiffusion model = tiny_model(merges, scheduler);
  CLIPTextWithProjectionConfig second{tiny_text_config(model.tokenizer.vocab_size())};
  second.hidden_size = 24;
  second.hidden_act = "gelu";
  second.projection_dim = 20;
  UNet2DConditionConfig unet = tiny_unet_config();
  unet.cross_attention_dim = {32 + 24};
  unet.addition_embed_type = "text_time";
  unet.addition_time_embed_dim = 8;
  unet.projection_class_embeddings_input_dim = 20 + 6 * 8;
  unet.use_linear_projection = true;
  model.unet = random_component<UNet2DConditionModel>(unet, 4);
  model.second = {.tokenizer = model.tokenizer.with_pad_token("!"),
                  .text_encoder = random_component<CLIPTextModelWithProjection>(second, 5)};
  return model;
}

/// The same with PubMedBERT's kind of text encoder, padding masked, 77 tokens. `vocab`: a vocab.txt.
inline StableDiffusion tiny_bert_model(const std::filesystem::path& merges,
                                       const std::filesystem::path& vocab,
                                       const std::filesystem::path& work) {
  std::filesystem::create_directories(work);
  std::filesystem::copy_file(vocab, work / "vocab.txt");
  WordPieceTokenizer tokenizer = WordPieceTokenizer::load(work, 77);
  BertConfig config;
  config.vocab_size = tokenizer.vocab_size();
  config.hidden_size = 32;
  config.intermediate_size = 64;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 4;
  config.use_attention_mask = true;
  StableDiffusion model = tiny_model(merges);
  model.text_encoder = random_component<BertModel>(config, 6);
  model.tokenizer = std::move(tokenizer);
  return model;
}

}  // namespace medisyn
