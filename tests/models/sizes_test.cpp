// The published sizes: Stable Diffusion 1.4 has exactly these many parameters.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "medisyn/models/biomedclip.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/models/inception_v3.h"
#include "medisyn/models/resnet_50.h"

namespace medisyn {
namespace {

TEST(Sizes, StableDiffusion14) {
  const UninitialisedParameters guard;
  UNet2DConditionConfig unet;
  unet.cross_attention_dim = {768};
  EXPECT_EQ(parameter_count(*UNet2DConditionModel(unet)), 859'520'964);
  AutoencoderKLConfig vae;
  vae.down_block_types.assign(4, "DownEncoderBlock2D");
  vae.up_block_types.assign(4, "UpDecoderBlock2D");
  vae.block_out_channels = {128, 256, 512, 512};
  vae.layers_per_block = 2;
  EXPECT_EQ(parameter_count(*AutoencoderKL(vae)), 83'653'863);
  CLIPTextConfig text;
  text.hidden_size = 768;
  text.intermediate_size = 3072;
  text.num_attention_heads = 12;
  text.num_hidden_layers = 12;
  EXPECT_EQ(parameter_count(*CLIPTextModel(text)), 123'060'480);
}

TEST(Sizes, StableDiffusionXL) {
  const UninitialisedParameters guard;
  UNet2DConditionConfig unet;
  unet.sample_size = 128;
  unet.down_block_types = {"DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"};
  unet.up_block_types = {"CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"};
  unet.block_out_channels = {320, 640, 1280};
  unet.attention_head_dim = {5, 10, 20};
  unet.transformer_layers_per_block = {1, 2, 10};
  unet.cross_attention_dim = {2048};
  unet.use_linear_projection = true;
  unet.addition_embed_type = "text_time";
  unet.addition_time_embed_dim = 256;
  unet.projection_class_embeddings_input_dim = 2816;
  EXPECT_EQ(parameter_count(*UNet2DConditionModel(unet)), 2'567'463'684);
  CLIPTextWithProjectionConfig text;
  text.hidden_size = 1280;
  text.intermediate_size = 5120;
  text.num_attention_heads = 20;
  text.num_hidden_layers = 32;
  text.projection_dim = 1280;
  EXPECT_EQ(parameter_count(*CLIPTextModelWithProjection(text)), 694'659'840);
}

TEST(Sizes, BiomedClip) {
  const UninitialisedParameters guard;
  EXPECT_EQ(parameter_count(*BertModel(BertConfig{})), 109'482'240);  // with the pooler
  EXPECT_EQ(parameter_count(*BiomedClip()), 195'902'721);
}

TEST(Sizes, Classifiers) {
  EXPECT_EQ(parameter_count(*ResNet50()), 25'557'032);
  EXPECT_EQ(parameter_count(*InceptionV3()), 23'850'960);
}

TEST(Sizes, EfficientNetLite0) { EXPECT_EQ(parameter_count(*EfficientNetLite0()), 4'652'008); }

}  // namespace
}  // namespace medisyn
