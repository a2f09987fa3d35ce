#include "medisyn/features/biomedclip_extractor.h"

#include <torch/types.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/models/biomedclip.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

/// A folder as open_clip keeps it, of a tower of 32 pixels.
BiomedClip write_folder(const fs::path& folder, const std::string& preparation) {
  torch::manual_seed(1);
  BiomedClipShape shape;
  shape.vision = {
      .image_pixels = 32, .patch_pixels = 16, .width = 64, .layers = 2, .heads = 1, .intermediate = 96};
  shape.text.vocab_size = 30;
  shape.text.hidden_size = 64;
  shape.text.num_hidden_layers = 1;
  shape.text.num_attention_heads = 1;
  shape.text.intermediate_size = 96;
  shape.embed_dim = 24;
  BiomedClip model(shape);
  save_parameters(folder / "open_clip_model.safetensors", *model);
  write_file(folder / "open_clip_config.json", R"({"model_cfg": {"embed_dim": 24, "vision_cfg": {
      "timm_model_name": "vit_base_patch16_224", "timm_pool": "", "timm_proj": "linear", "image_size": 32},
      "text_cfg": {"hf_model_name": "microsoft/BiomedNLP-PubMedBERT", "hf_proj_type": "mlp",
      "hf_pooler_type": "cls_last_hidden_state_pooler"}}, "preprocess_cfg": )" +
                                                   preparation + "}");
  return model;
}

TEST(BiomedClipExtractor, EmbedsImagesByTheFoldersOwnNumbers) {
  const torch::InferenceMode inference;
  const fs::path folder = fresh_folder();
  BiomedClip model = write_folder(folder, R"({"mean": [0.5, 0.25, 0.125], "std": [0.5, 1.0, 2.0]})");
  const Extractor extractor = load_biomedclip_extractor(folder, torch::kCPU);
  EXPECT_EQ(extractor.name, "biomedclip");
  EXPECT_EQ(extractor.weights_sha256, sha256_file(folder / "open_clip_model.safetensors"));
  EXPECT_EQ(extractor.image_pixels, 32);
  EXPECT_EQ(extractor.width, 24);
  EXPECT_EQ(extractor.normalisation, "(x - (0.5, 0.25, 0.125)) / (0.5, 1, 2)");
  const torch::Tensor images = torch::rand({2, 3, 32, 32});
  const torch::Tensor mean = torch::tensor({0.5F, 0.25F, 0.125F}).view({1, 3, 1, 1});
  const torch::Tensor std = torch::tensor({0.5F, 1.0F, 2.0F}).view({1, 3, 1, 1});
  EXPECT_TRUE(
      torch::allclose(extractor.features(images), model->encode_image((images - mean) / std), 0, 1e-5));
}

TEST(BiomedClipExtractor, NamesWhatIsMissing) {
  const fs::path folder = fresh_folder();
  EXPECT_ERROR(load_biomedclip_extractor(folder, torch::kCPU), "expected BiomedCLIP's folder");
  write_folder(folder, R"({"mean": [0.5]})");
  EXPECT_ERROR(load_biomedclip_extractor(folder, torch::kCPU),
               "mean: expected three numbers, one a channel, found 1");
}

}  // namespace
}  // namespace medisyn
