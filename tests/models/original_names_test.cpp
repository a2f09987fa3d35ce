#include "medisyn/models/original_names.h"

#include <gtest/gtest.h>

#include "../expect_error.h"

namespace medisyn {
namespace {

/// Stable Diffusion 1.4's at full size: shapes alone, no memory is touched.
Component sd14_unet() {
  const UninitialisedParameters guard;
  UNet2DConditionConfig config;
  config.cross_attention_dim = {768};
  return component_of("UNet2DConditionModel", UNet2DConditionModel(config));
}

AutoencoderKLConfig vae_config(const std::vector<std::int64_t>& widths) {
  AutoencoderKLConfig config;
  config.down_block_types.assign(widths.size(), "DownEncoderBlock2D");
  config.up_block_types.assign(widths.size(), "UpDecoderBlock2D");
  config.block_out_channels = widths;
  config.layers_per_block = 2;
  return config;
}

Component sd14_vae() {
  const UninitialisedParameters guard;
  return component_of("AutoencoderKL", AutoencoderKL(vae_config({128, 256, 512, 512})));
}

CLIPTextWithProjectionConfig small_text() {
  CLIPTextWithProjectionConfig config;
  config.vocab_size = 20;
  config.hidden_size = 8;
  config.intermediate_size = 16;
  config.projection_dim = 6;
  config.num_hidden_layers = 2;
  config.num_attention_heads = 2;
  return config;
}

Component small_text_2() {
  torch::manual_seed(1);
  return component_of("CLIPTextModelWithProjection", CLIPTextModelWithProjection(small_text()));
}

std::int64_t size(const TensorMap& tensors, const std::string& key, std::int64_t axis = 0) {
  return tensors.contains(key) ? tensors.at(key).size(axis) : -1;
}

// Keys and widths of the published sd-v1-4.ckpt.
TEST(OriginalNames, UNetOfStableDiffusion14) {
  TensorMap tensors;
  add_to_single_file(tensors, SingleFileKind::kSD1, "unet", sd14_unet());
  EXPECT_EQ(tensors.size(), 686);
  const std::string unet = "model.diffusion_model.";
  EXPECT_EQ(size(tensors, unet + "time_embed.2.weight"), 1280);
  EXPECT_EQ(size(tensors, unet + "input_blocks.0.0.weight", 1), 4);
  EXPECT_EQ(size(tensors, unet + "input_blocks.1.1.transformer_blocks.0.attn2.to_k.weight", 1), 768);
  EXPECT_EQ(size(tensors, unet + "input_blocks.3.0.op.weight"), 320);
  EXPECT_EQ(size(tensors, unet + "input_blocks.4.0.skip_connection.weight"), 640);
  EXPECT_EQ(size(tensors, unet + "input_blocks.11.0.out_layers.3.weight"), 1280);
  EXPECT_EQ(size(tensors, unet + "middle_block.1.proj_in.weight"), 1280);
  EXPECT_EQ(size(tensors, unet + "middle_block.2.emb_layers.1.weight"), 1280);
  EXPECT_EQ(size(tensors, unet + "output_blocks.2.1.conv.weight"), 1280);
  EXPECT_EQ(size(tensors, unet + "output_blocks.5.2.conv.weight"), 1280);
  EXPECT_EQ(size(tensors, unet + "output_blocks.8.2.conv.weight"), 640);
  EXPECT_EQ(size(tensors, unet + "output_blocks.9.0.in_layers.2.weight", 1), 960);
  EXPECT_EQ(size(tensors, unet + "out.2.weight"), 4);
}

TEST(OriginalNames, VaeOfStableDiffusion14) {
  TensorMap tensors;
  add_to_single_file(tensors, SingleFileKind::kSD1, "vae", sd14_vae());
  EXPECT_EQ(tensors.size(), 248);
  const std::string vae = "first_stage_model.";
  EXPECT_EQ(size(tensors, vae + "encoder.down.1.block.0.nin_shortcut.weight"), 256);
  EXPECT_EQ(size(tensors, vae + "encoder.down.2.downsample.conv.weight"), 512);
  EXPECT_EQ(size(tensors, vae + "encoder.mid.block_1.norm1.weight"), 512);
  EXPECT_EQ(tensors.at(vae + "decoder.mid.attn_1.q.weight").sizes(),
            (std::vector<std::int64_t>{512, 512, 1, 1}));
  EXPECT_EQ(tensors.at(vae + "decoder.mid.attn_1.norm.weight").sizes(), (std::vector<std::int64_t>{512}));
  EXPECT_EQ(size(tensors, vae + "decoder.up.1.upsample.conv.weight"), 256);
  EXPECT_EQ(size(tensors, vae + "decoder.up.0.block.2.conv2.weight"), 128);
  EXPECT_EQ(size(tensors, vae + "decoder.norm_out.weight"), 128);
  EXPECT_EQ(size(tensors, vae + "post_quant_conv.weight"), 4);
}

TEST(OriginalNames, OpenClipJoinsQueryKeyAndValue) {
  const Component text = small_text_2();
  TensorMap tensors;
  add_to_single_file(tensors, SingleFileKind::kSDXL, "text_encoder_2", text);
  const std::string clip = "conditioner.embedders.1.model.";
  const TensorMap weights = state_dict(*text.module);
  EXPECT_TRUE(torch::equal(tensors.at(clip + "transformer.resblocks.1.attn.in_proj_weight").slice(0, 8, 16),
                           weights.at("text_model.encoder.layers.1.self_attn.k_proj.weight")));
  EXPECT_TRUE(torch::equal(tensors.at(clip + "text_projection"), weights.at("text_projection.weight").t()));
  EXPECT_TRUE(tensors.contains(clip + "transformer.resblocks.0.mlp.c_fc.bias"));
  EXPECT_TRUE(tensors.contains(clip + "positional_embedding"));
  EXPECT_TRUE(tensors.contains(clip + "ln_final.weight"));
}

TEST(OriginalNames, ComponentsComeBackAsTheyWere) {
  torch::manual_seed(2);
  const std::vector<std::pair<std::string, Component>> components{
      {"vae", component_of("AutoencoderKL", AutoencoderKL(vae_config({32, 64})))},
      {"text_encoder_2", small_text_2()}};
  for (const auto& [name, component] : components) {
    TensorMap tensors;
    add_to_single_file(tensors, SingleFileKind::kSDXL, name, component);
    const TensorMap back = from_single_file(tensors, SingleFileKind::kSDXL, name, component, "x.safetensors");
    const TensorMap expected = state_dict(*component.module);
    ASSERT_EQ(back.size(), expected.size());
    for (const auto& [key, tensor] : expected) {
      EXPECT_TRUE(torch::equal(back.at(key), tensor)) << key;
    }
  }
}

TEST(OriginalNames, KindFollowsFromTheTextEncoder) {
  const torch::Tensor one = torch::zeros({1});
  TensorMap tensors{{"model.diffusion_model.out.2.bias", one}, {"first_stage_model.quant_conv.bias", one}};
  EXPECT_ERROR(single_file_kind(tensors, "x.ckpt"), "x.ckpt: expected a single file of Stable Diffusion");
  tensors["cond_stage_model.transformer.text_model.final_layer_norm.bias"] = one;
  EXPECT_EQ(single_file_kind(tensors, "x.ckpt"), SingleFileKind::kSD1);
  EXPECT_EQ(tensors_beside_components(tensors, SingleFileKind::kSD1), 0);
  tensors["model_ema.decay"] = one;
  EXPECT_EQ(tensors_beside_components(tensors, SingleFileKind::kSD1), 1);
  tensors["cond_stage_model.model.ln_final.bias"] = one;
  EXPECT_EQ(single_file_kind(tensors, "x.ckpt"), SingleFileKind::kSD2);
  tensors["conditioner.embedders.0.transformer.text_model.final_layer_norm.bias"] = one;
  tensors["conditioner.embedders.1.model.ln_final.bias"] = one;
  EXPECT_EQ(single_file_kind(tensors, "x.ckpt"), SingleFileKind::kSDXL);
}

TEST(OriginalNames, MissingAndUnexpectedTensorsAreNamed) {
  const Component text = small_text_2();
  const auto read = [&](const TensorMap& tensors) {
    return from_single_file(tensors, SingleFileKind::kSDXL, "text_encoder_2", text, "x");
  };
  TensorMap tensors;
  add_to_single_file(tensors, SingleFileKind::kSDXL, "text_encoder_2", text);
  const std::string clip = "conditioner.embedders.1.model.";
  tensors[clip + "logit_scale"] = torch::zeros({});
  EXPECT_EQ(read(tensors).size(), state_dict(*text.module).size());
  tensors[clip + "extra"] = torch::zeros({});
  EXPECT_ERROR(read(tensors), "x: conditioner.embedders.1.model.extra does not belong");
  tensors.erase(clip + "extra");
  tensors.erase(clip + "ln_final.bias");
  EXPECT_ERROR(read(tensors), "x: conditioner.embedders.1.model.ln_final.bias is missing");
  EXPECT_ERROR(add_to_single_file(tensors, SingleFileKind::kSD2, "text_encoder", text),
               "only SD 1.x and SDXL");
}

}  // namespace
}  // namespace medisyn
