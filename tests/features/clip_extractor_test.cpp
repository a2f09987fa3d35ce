#include "medisyn/features/clip_extractor.h"

#include <torch/types.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/io/resize.h"
#include "medisyn/models/clip_vision.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

constexpr const char* kVisionConfig =
    R"("vision_config": {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 2, "top_k": 50,
    "num_attention_heads": 2, "image_size": 32, "patch_size": 16, "num_channels": 3, "projection_dim": 9})";

/// A CLIPModel's folder with a text tower, as transformers writes it.
CLIPVisionModel write_folder(const fs::path& folder) {
  torch::manual_seed(1);
  CLIPVisionModel model(CLIPVisionConfig{.hidden_size = 16,
                                         .intermediate_size = 24,
                                         .projection_dim = 6,
                                         .num_hidden_layers = 2,
                                         .num_attention_heads = 2,
                                         .image_size = 32,
                                         .patch_size = 16});
  TensorMap tensors = state_dict(*model);
  tensors["text_model.embeddings.token_embedding.weight"] = torch::zeros({5, 16});
  tensors["text_projection.weight"] = torch::zeros({6, 16});
  tensors["logit_scale"] = torch::zeros({});
  tensors["vision_model.embeddings.position_ids"] = torch::zeros({1, 5}, torch::kLong);
  write_safetensors(folder / "model.safetensors", tensors);
  write_file(folder / "config.json",
             fmt::format(R"({{"model_type": "clip", "projection_dim": 6, {}}})", kVisionConfig));
  return model;
}

torch::Tensor by_channel(float r, float g, float b) { return torch::tensor({r, g, b}).view({1, 3, 1, 1}); }

TEST(ClipExtractor, EmbedsImagesNormalisedAsTheFolderSays) {
  const torch::InferenceMode inference;
  const fs::path folder = fresh_folder();
  CLIPVisionModel model = write_folder(folder);
  model->eval();
  const torch::Tensor images = torch::rand({2, 3, 32, 32});
  const Extractor usual = load_clip_extractor(folder, torch::kCPU);
  EXPECT_EQ(usual.name, "clip");
  EXPECT_EQ(usual.weights_sha256, sha256_file(folder / "model.safetensors"));
  EXPECT_EQ(usual.image_pixels, 32);
  EXPECT_EQ(usual.width, 6);
  const torch::Tensor clips = (images - by_channel(0.48145466F, 0.4578275F, 0.40821073F)) /
                              by_channel(0.26862954F, 0.26130258F, 0.27577711F);
  EXPECT_TRUE(torch::allclose(usual.features(images), model->forward(clips), 0, 1e-5));

  write_file(folder / "preprocessor_config.json",
             R"({"image_mean": [0.5, 0.25, 0.125], "image_std": [0.5, 1.0, 2.0], "resample": 3})");
  const Extractor own = load_clip_extractor(folder, torch::kCPU);
  EXPECT_EQ(own.normalisation, "(x - (0.5, 0.25, 0.125)) / (0.5, 1, 2)");
  const torch::Tensor normalised = (images - by_channel(0.5F, 0.25F, 0.125F)) / by_channel(0.5F, 1.0F, 2.0F);
  EXPECT_TRUE(torch::allclose(own.features(images), model->forward(normalised), 0, 1e-5));
}

TEST(ClipExtractor, CropsTheCentreAsClipDoes) {
  // 30 x 50 to 8 pixels: the longer side is 13.3, so 13 wide, and the square begins in column 2.
  Image image{30, 50, std::vector<std::uint8_t>(30 * 50 * 3)};
  for (std::size_t i = 0; i < image.pixels.size(); ++i) {
    image.pixels[i] = static_cast<std::uint8_t>(i / 3 % 50 * 5);
  }
  std::vector<float> out(8 * 8 * 3);
  prepare(image, Preparation::kBicubicCrop, 8, out.data());
  const Image expected = crop(resize(image, 8, 13), 0, 2, 8, 8);
  for (std::size_t i = 0; i < out.size(); ++i) {
    EXPECT_FLOAT_EQ(out[i], static_cast<float>(expected.pixels[i]) / 255);
  }
}

TEST(ClipExtractor, NamesWhatDoesNotFit) {
  const fs::path folder = fresh_folder();
  EXPECT_ERROR(load_clip_extractor(folder, torch::kCPU), "expected CLIP's folder with its config.json");
  write_folder(folder);
  write_file(folder / "preprocessor_config.json", R"({"image_mean": [0.5]})");
  EXPECT_ERROR(load_clip_extractor(folder, torch::kCPU),
               "image_mean: expected three numbers, one a channel, found 1");
  write_file(folder / "preprocessor_config.json", R"({"resample": 2})");
  EXPECT_ERROR(load_clip_extractor(folder, torch::kCPU), "resample: expected 3 (bicubic)");
  write_file(folder / "config.json", R"({"model_type": "bert"})");
  EXPECT_ERROR(load_clip_extractor(folder, torch::kCPU), "expected the config.json of a CLIPModel");
}

}  // namespace
}  // namespace medisyn
