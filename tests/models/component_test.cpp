#include "medisyn/models/component.h"

#include <gtest/gtest.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/models/biomedclip.h"
#include "medisyn/models/text_encoder.h"

namespace medisyn {
namespace {

ConfigNode node(const std::string& text) { return parse_config_text(text, "model.yaml"); }

const char* const kSmallBert =
    "{vocab_size: 20, hidden_size: 8, num_hidden_layers: 1, num_attention_heads: 2, intermediate_size: 16}";

TEST(Component, EveryClassIsMadeWrittenAndReadByItsName) {
  const std::map<std::string, std::string> configs{
      {"UNet2DConditionModel",
       "{block_out_channels: [8, 8], norm_num_groups: 4, attention_head_dim: 2, layers_per_block: 1, "
       "cross_attention_dim: 8, down_block_types: [DownBlock2D, CrossAttnDownBlock2D], "
       "up_block_types: [CrossAttnUpBlock2D, UpBlock2D]}"},
      {"AutoencoderKL", "{block_out_channels: [8], norm_num_groups: 4}"},
      {"CLIPTextModel",
       "{hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 2}"},
      {"CLIPTextModelWithProjection",
       "{hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 2, projection_dim: "
       "4}"},
      {"BertModel", kSmallBert}};
  const fs::path folder = fresh_folder();
  for (const std::string& name : component_classes()) {
    ASSERT_TRUE(configs.contains(name)) << name;
    const Component made = random_component(name, node(configs.at(name)), 7);
    write_component(folder / name, made);
    EXPECT_EQ(component_class(folder / name), name);
    const Component read = read_component(folder / name);
    EXPECT_EQ(read.config, made.config);
    for (const auto& [key, tensor] : state_dict(*made.module)) {
      EXPECT_TRUE(torch::equal(tensor, state_dict(*read.module).at(key))) << name << " " << key;
    }
  }
}

TEST(Component, KeepsTheDtypeOfTheFileUnlessToldOtherwise) {
  const fs::path folder = fresh_folder();
  const Component made = random_component("BertModel", node(kSmallBert), 1);
  made.module->to(torch::kBFloat16);
  write_component(folder, made);
  EXPECT_EQ(read_component(folder).module->parameters()[0].scalar_type(), torch::kBFloat16);
  EXPECT_EQ(read_component(folder, torch::kHalf).module->parameters()[0].scalar_type(), torch::kHalf);
}

TEST(Component, RefusesUnknownClasses) {
  const fs::path folder = fresh_folder();
  write_file(folder / "config.json", R"({"architectures": ["T5EncoderModel"]})");
  EXPECT_ERROR(component_class(folder), "expected one of UNet2DConditionModel");
  EXPECT_ERROR(component_class(folder), "found T5EncoderModel");
  write_file(folder / "config.json", "{}");
  EXPECT_ERROR(component_class(folder), "found none");
  EXPECT_ERROR(random_component("T5EncoderModel", node("{}"), 1), "no such class");
}

TEST(TextEncoder, IsOfTheClassThatTheFolderNames) {
  const fs::path folder = fresh_folder();
  write_component(folder, random_component("BertModel", node(kSmallBert), 3));
  TextEncoder encoder = TextEncoder::load(folder);
  EXPECT_EQ(encoder.class_name(), "BertModel");
  EXPECT_EQ(encoder.hidden_size(), 8);
  EXPECT_EQ(encoder.vocab_size(), 20);
  EXPECT_EQ(encoder.forward(torch::tensor({{1, 2, 3}})).sizes(), (std::vector<std::int64_t>{1, 3, 8}));
  write_component(folder, random_component("AutoencoderKL", node("{block_out_channels: [32]}"), 3));
  EXPECT_ERROR(TextEncoder::load(folder), "expected a CLIPTextModel or a BertModel, found a AutoencoderKL");
}

// open_clip's layout of the folder: its names, its .bin, sizes from the weights.
TEST(BiomedClip, FolderOfOpenClip) {
  const fs::path folder = fresh_folder();
  torch::manual_seed(1);
  BiomedClipShape shape;
  shape.vision = {
      .image_pixels = 32, .patch_pixels = 16, .width = 64, .layers = 2, .heads = 1, .intermediate = 96};
  shape.text.vocab_size = 30;
  shape.text.hidden_size = 128;
  shape.text.num_hidden_layers = 2;
  shape.text.num_attention_heads = 2;
  shape.text.intermediate_size = 160;
  shape.embed_dim = 24;
  const BiomedClip model(shape);
  save_parameters(folder / "open_clip_model.safetensors", *model);
  EXPECT_FALSE(is_open_clip_folder(folder));
  write_file(folder / "open_clip_config.json", R"({"model_cfg": {"embed_dim": 24, "vision_cfg": {
      "timm_model_name": "vit_base_patch16_224", "timm_pool": "", "timm_proj": "linear", "image_size": 32},
      "text_cfg": {"hf_model_name": "microsoft/BiomedNLP-PubMedBERT", "hf_proj_type": "mlp",
      "hf_pooler_type": "cls_last_hidden_state_pooler", "context_length": 256}}})");
  EXPECT_TRUE(is_open_clip_folder(folder));
  const BiomedClipFolder read = load_biomedclip(folder);
  EXPECT_EQ(read.config.model_cfg.text_cfg.context_length, 256);
  for (const auto& [key, tensor] : state_dict(*model)) {
    EXPECT_TRUE(torch::equal(tensor, state_dict(*read.model).at(key))) << key;
  }
  const Component text = text_encoder_of(read.model);
  EXPECT_EQ(text.config.at("use_attention_mask"), true);
  EXPECT_EQ(text.config.at("num_attention_heads"), 2);
  EXPECT_EQ(text.config.at("num_hidden_layers"), 2);
  fs::remove(folder / "open_clip_model.safetensors");
  EXPECT_ERROR(load_biomedclip(folder),
               "expected open_clip_model.safetensors or open_clip_pytorch_model.bin");
}

}  // namespace
}  // namespace medisyn
