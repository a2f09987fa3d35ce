// Outputs and gradients of diffusers, transformers, open_clip, timm, torchvision and pytorch-fid.
#include "golden.h"

#include "medisyn/models/biomedclip.h"
#include "medisyn/models/clip_vision.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/models/inception_v3.h"
#include "medisyn/models/resnet_50.h"

namespace medisyn {
namespace {

torch::Tensor text_ids() {
  return torch::tensor({{48, 3, 7, 11, 49, 49, 49, 49, 49}, {48, 20, 21, 22, 23, 24, 25, 26, 49}});
}

torch::Tensor padded_ids() {
  return torch::tensor({{2, 3, 7, 11, 4, 0, 0, 0}, {2, 20, 21, 22, 23, 24, 25, 4}});
}

/// In fp64 the output and the gradients; in fp32 the output errs no more than twice as much as diffusers'
/// own.
void expect_unet(const Json& entry, const AddedConditions& added = {}) {
  UNet2DConditionModel unet(config_of<UNet2DConditionConfig>(entry["config"]));
  fill(*unet);
  const auto output = [&](torch::ScalarType dtype) {
    unet->to(dtype);
    return unet->forward(wave({2, 2, 8, 8}, 0.1).to(dtype), torch::tensor({3, 700}),
                         wave({2, 5, 12}, 0.7).to(dtype), added);
  };
  const torch::Tensor ours = output(torch::kFloat).detach();
  const torch::Tensor theirs = expected_output(entry, "output_fp32", ours);
  const torch::Tensor truth = expected_output(entry, "output", ours);
  EXPECT_LE(largest_difference(ours, truth), 2 * largest_difference(theirs, truth));
  expect_equal(entry, *unet, output(torch::kDouble), {.output = 1e-7, .gradient = 1e-9});
}

class UNetGolden : public testing::TestWithParam<const char*> {};

TEST_P(UNetGolden, OutputAndGradients) { expect_unet(golden_entry("models", GetParam())); }
INSTANTIATE_TEST_SUITE_P(Models, UNetGolden, testing::Values("unet_sd1", "unet_sd2"));

TEST(VaeGolden, OutputAndGradients) {
  AutoencoderKL vae(config_of<AutoencoderKLConfig>(golden_entry("models", "vae_encode")["config"]));
  fill(*vae);
  expect_equal(golden_entry("models", "vae_encode"), *vae, vae->encode(wave({2, 3, 16, 16}, 0.3)));
  expect_equal(golden_entry("models", "vae_decode"), *vae, vae->decode(wave({2, 2, 4, 4}, 0.4)));
}

class TextGolden : public testing::TestWithParam<const char*> {};

TEST_P(TextGolden, OutputAndGradients) {
  const Json entry = golden_entry("clip_text", GetParam());
  CLIPTextModel text(config_of<CLIPTextConfig>(entry["config"]));
  fill(*text);
  expect_equal(entry, *text, text->forward(text_ids()));
}
INSTANTIATE_TEST_SUITE_P(Models, TextGolden, testing::Values("text_quick_gelu", "text_gelu"));

TEST(SdxlGolden, UNet) {
  const AddedConditions added{.text_embeds = wave({2, 10}, 0.9),
                              .time_ids = torch::tensor({{64.0F, 48.0F, 0.0F, 4.0F, 64.0F, 64.0F},
                                                         {32.0F, 32.0F, 2.0F, 0.0F, 48.0F, 64.0F}})};
  expect_unet(golden_entry("sdxl", "unet"), added);
}

TEST(SdxlGolden, SecondTextEncoder) {
  const Json entry = golden_entry("sdxl", "text_with_projection");
  CLIPTextModelWithProjection text(config_of<CLIPTextWithProjectionConfig>(entry["config"]));
  fill(*text);
  const CLIPTextOutput output = text->outputs(text_ids());
  expect_equal(entry, *text, torch::cat({output.pooled.flatten(), output.penultimate.flatten()}));
}

class BertGolden : public testing::TestWithParam<const char*> {};

TEST_P(BertGolden, OutputAndGradients) {
  const Json entry = golden_entry("biomedclip", GetParam());
  BertModel bert(config_of<BertConfig>(entry["config"]));
  bert->eval();
  fill(*bert);
  expect_equal(entry, *bert, bert->forward(padded_ids()));
}
INSTANTIATE_TEST_SUITE_P(Models, BertGolden, testing::Values("bert", "bert_masked"));

TEST(BiomedClipGolden, VisionTransformer) {
  VisionTransformer vit(VisionTransformerShape{
      .image_pixels = 32, .patch_pixels = 16, .width = 16, .layers = 2, .heads = 2, .intermediate = 64});
  fill(*vit);
  expect_equal(golden_entry("biomedclip", "vit"), *vit, vit->forward(wave({2, 3, 32, 32}, 0.3)));
}

TEST(BiomedClipGolden, TextTower) {
  const Json entry = golden_entry("biomedclip", "text");
  BiomedClipShape shape{
      .vision = {.layers = 1}, .text = config_of<BertConfig>(entry["config"]), .embed_dim = 6};
  shape.text.use_attention_mask = true;
  shape.text.add_pooling_layer = false;
  BiomedClip clip(shape);
  clip->eval();
  const auto text = clip->named_modules()["text"];
  fill(*text);
  expect_equal(entry, *text, clip->encode_text(padded_ids()));
}

class ClipVisionGolden : public testing::TestWithParam<const char*> {};

TEST_P(ClipVisionGolden, OutputAndGradients) {
  const Json entry = golden_entry("clip_vision", GetParam());
  CLIPVisionModel model(config_of<CLIPVisionConfig>(entry["config"]));
  fill(*model);
  expect_equal(entry, *model, model->forward(wave({2, 3, 32, 32}, 0.3)));
}
INSTANTIATE_TEST_SUITE_P(Models, ClipVisionGolden, testing::Values("quick_gelu", "gelu"));

TEST(ClassifierGolden, ResNet50) {
  ResNet50 model;
  model->eval();
  fill(*model);
  expect_equal(golden_entry("classifiers", "resnet_50"), *model, model->forward(wave({1, 3, 64, 64}, 0.3)));
}

TEST(ClassifierGolden, InceptionV3) {
  InceptionV3 model;
  model->eval();
  fill(*model);
  expect_equal(golden_entry("classifiers", "inception_v3"), *model,
               model->forward(wave({1, 3, 96, 96}, 0.3)));
}

}  // namespace
}  // namespace medisyn
