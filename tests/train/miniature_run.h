// A data set of a few tiny pictures, and trainings small enough for a test.
#pragma once

#include <filesystem>
#include <string>

#include "medisyn/core/config.h"
#include "medisyn/core/files.h"
#include "medisyn/data/manifest.h"
#include "medisyn/io/image.h"
#include "medisyn/train/config.h"

namespace medisyn {

/// 12 pictures of `side` x `side` pixels, reddish "CT" and bluish "MRI", 8 for training and 4 held out.
inline void write_miniature_data(const std::filesystem::path& folder, int side = 16) {
  std::filesystem::create_directories(folder);
  Manifest manifest{folder, {}};
  for (int i = 0; i < 12; ++i) {
    const bool is_ct = i % 2 == 0;
    Image image{side, side, {}};
    for (int p = 0; p < side * side; ++p) {
      const auto wave = static_cast<std::uint8_t>(40 + (p * (i + 3)) % 60);
      image.pixels.insert(image.pixels.end(), {static_cast<std::uint8_t>(is_ct ? 220 : wave), wave,
                                               static_cast<std::uint8_t>(is_ct ? wave : 220)});
    }
    Record record;
    record.file_name = "image" + std::to_string(i) + ".png";
    record.id = "image" + std::to_string(i);
    record.text = is_ct ? "CT slice" : "MRI slice";
    record.image_type = is_ct ? "CT" : "MRI";
    record.split = i < 8 ? "train" : "validation";
    write_file(folder / record.file_name, encode_png(image));
    manifest.records.push_back(record);
  }
  write_manifest(folder, manifest);
}

inline TrainConfig miniature_vae(const std::filesystem::path& data) {
  TrainConfig config = config_from_node<TrainConfig>(parse_config_text(
      "objective: vae\n"
      "data: {manifest: x}\n"
      "vae: {down_block_types: [DownEncoderBlock2D, DownEncoderBlock2D], up_block_types: [UpDecoderBlock2D, "
      "UpDecoderBlock2D], block_out_channels: [8, 8], norm_num_groups: 4, latent_channels: 2, sample_size: "
      "16}\n"
      "optimizer: {learning_rate: 0.005, ema_decay: 0.9}\n"
      "batch_size: 4\nmax_steps: 12\nlog_every_steps: 1\nvalidate_every_steps: 6\nsave_every_steps: 6\n",
      "miniature"));
  config.data.manifest = data;
  return config;
}

/// Needs the run folder of a VAE, and a file of merges.
inline TrainConfig miniature_unet(const std::filesystem::path& data, const std::filesystem::path& vae,
                                  const std::filesystem::path& merges) {
  TrainConfig config = config_from_node<TrainConfig>(parse_config_text(
      "objective: unet\n"
      "data: {manifest: x, balance: {CT: 1, MRI: 1}}\n"
      "parts:\n"
      "  unet: {sample_size: 8, in_channels: 2, out_channels: 2, down_block_types: [CrossAttnDownBlock2D, "
      "DownBlock2D], up_block_types: [UpBlock2D, CrossAttnUpBlock2D], block_out_channels: [8, 16], "
      "layers_per_block: 1, "
      "attention_head_dim: 2, cross_attention_dim: 16, norm_num_groups: 4}\n"
      "  text_encoder: {vocab_size: 1200, hidden_size: 16, intermediate_size: 32, num_hidden_layers: 1, "
      "num_attention_heads: 2, max_position_embeddings: 16}\n"
      "train_text_encoder: true\n"
      "optimizer: {learning_rate: 0.002, ema_decay: 0.9}\n"
      "batch_size: 4\nmax_steps: 12\nlog_every_steps: 1\nvalidate_every_steps: 6\nsave_every_steps: 6\n",
      "miniature"));
  config.data.manifest = data;
  config.parts.vae = vae;
  config.parts.tokenizer = merges;
  return config;
}

}  // namespace medisyn
