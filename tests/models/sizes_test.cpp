// The published sizes: Stable Diffusion 1.4 has exactly these many parameters.
#include <gtest/gtest.h>
#include <torch/torch.h>

#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"

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

TEST(Sizes, EfficientNetLite0) { EXPECT_EQ(parameter_count(*EfficientNetLite0()), 4'652'008); }

}  // namespace
}  // namespace medisyn
