// The folder of a pipeline: found, read, written, refused.
#include "medisyn/pipeline/stable_diffusion.h"

#include <gmock/gmock.h>
#include <torch/types.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/pipeline/model_index.h"
#include "tiny_model.h"

namespace medisyn {
namespace {

const fs::path kMerges = fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt";

fs::path saved_model() {
  const fs::path folder = fresh_folder() / "model";
  save_stable_diffusion(folder, tiny_model(kMerges));
  return folder;
}

void edit(const fs::path& file, const std::function<void(Json&)>& change) {
  Json json = Json::parse(read_file(file));
  change(json);
  write_file(file, json.dump());
}

TEST(StableDiffusion, SavedModelLoadsWithEqualWeights) {
  const auto model = tiny_model(kMerges);
  const fs::path folder = fresh_folder();
  save_stable_diffusion(folder, model);
  const auto loaded = load_stable_diffusion(folder);
  const auto expect_equal = [](const torch::nn::Module& a, const torch::nn::Module& b) {
    const auto expected = state_dict(a), found = state_dict(b);
    ASSERT_EQ(expected.size(), found.size());
    for (const auto& [name, tensor] : expected) {
      EXPECT_TRUE(torch::equal(tensor, found.at(name))) << name;
    }
    EXPECT_FALSE(b.is_training());
  };
  expect_equal(*model.unet, *loaded.unet);
  expect_equal(*model.vae, *loaded.vae);
  expect_equal(*model.text_encoder, *loaded.text_encoder);
  EXPECT_EQ(config_to_json(loaded.scheduler), config_to_json(model.scheduler));
  EXPECT_EQ(loaded.tokenizer.encode("CT of µ"), model.tokenizer.encode("CT of µ"));
}

TEST(StableDiffusion, IndexNamesTheReferencesClasses) {
  const Json index = Json::parse(read_file(saved_model() / "model_index.json"));
  EXPECT_EQ(index["_class_name"], "StableDiffusionPipeline");
  EXPECT_EQ(index["scheduler"], Json::array({"diffusers", "PNDMScheduler"}));
  EXPECT_EQ(index["safety_checker"], Json::array({nullptr, nullptr}));
}

TEST(StableDiffusion, TrainingRunMeansItsLatestCheckpoint) {
  const fs::path run = fresh_folder();
  EXPECT_ERROR(resolve_model_folder(run),
               "expected a model folder (with model_index.json) or a training run");
  EXPECT_ERROR(resolve_model_folder(run / "none"), "no such folder");
  write_file(run / "latest", "checkpoints/step-2\n");
  EXPECT_ERROR(resolve_model_folder(run), "names \"checkpoints/step-2\", which is no folder of this run");
  fs::create_directories(run / "checkpoints/step-2/vae");
  EXPECT_ERROR(resolve_model_folder(run), "step-2: holds no model_index.json; a run of a VAE alone");
  save_stable_diffusion(run / "checkpoints/step-2", tiny_model(kMerges));
  EXPECT_EQ(resolve_model_folder(run), run / "checkpoints/step-2");
  EXPECT_EQ(resolve_model_folder(run / "checkpoints/step-2"), run / "checkpoints/step-2");
  fs::remove(run / "latest");
  fs::create_symlink("checkpoints/step-2", run / "latest");
  EXPECT_EQ(resolve_model_folder(run), fs::canonical(run / "checkpoints/step-2"));
}

TEST(StableDiffusion, HashChangesWithAnyFile) {
  const fs::path folder = saved_model();
  const std::string hash = model_sha256(folder);
  EXPECT_EQ(hash.size(), 64);
  write_file(folder / "README.md", "not a part");
  EXPECT_EQ(model_sha256(folder), hash);
  edit(folder / "scheduler/scheduler_config.json", [](Json& json) { json["steps_offset"] = 0; });
  EXPECT_NE(model_sha256(folder), hash);
}

TEST(StableDiffusion, RefusesOtherPipelinesAndClasses) {
  const fs::path folder = saved_model(), index = folder / "model_index.json";
  edit(index, [](Json& json) { json["unet"] = Json::array({"diffusers", "Transformer2DModel"}); });
  EXPECT_ERROR(load_stable_diffusion(folder), "unet: expected a UNet2DConditionModel");
  edit(index, [](Json& json) { json.erase("unet"); });
  EXPECT_ERROR(load_stable_diffusion(folder), "expected the component \"unet\"");
  edit(index, [](Json& json) {
    json["_class_name"] = "StableDiffusionXLPipeline";
    json["unet"] = Json::array({"diffusers", "UNet2DConditionModel"});
  });
  EXPECT_ERROR(load_stable_diffusion(folder), "expected the component \"text_encoder_2\"");
  edit(index, [](Json& json) {
    json["text_encoder_2"] = Json::array({"transformers", "CLIPTextModelWithProjection"});
    json["tokenizer_2"] = Json::array({"transformers", "CLIPTokenizer"});
  });
  EXPECT_ERROR(load_stable_diffusion(folder), "tokenizer_2: expected a tokenizer");
}

TEST(StableDiffusion, RefusesPartsThatAreMissingOrDoNotFit) {
  const fs::path folder = saved_model();
  const auto refuse = [&](StableDiffusion model, const std::string& text) {
    fs::remove_all(folder);
    save_stable_diffusion(folder, model);
    EXPECT_ERROR(load_stable_diffusion(folder), text);
  };
  StableDiffusion model = tiny_model(kMerges);
  UNet2DConditionConfig unet = tiny_unet_config();
  unet.cross_attention_dim = {24};
  model.unet = UNet2DConditionModel(unet);
  refuse(model, "attends to text of width 24, and the text encoder's hidden_size is 32");
  unet = tiny_unet_config();
  unet.in_channels = 9;
  model.unet = UNet2DConditionModel(unet);
  refuse(model, "goes from 9 to 4 channels, and the VAE has 4 latent channels");
  model = tiny_model(kMerges);
  model.text_encoder = CLIPTextModel(tiny_text_config(900));
  refuse(model, "the tokenizer has 914 tokens, and the text encoder's vocab_size is 900");

  model = tiny_xl_model(kMerges);
  model.second.reset();
  model.unet = UNet2DConditionModel([] {
    UNet2DConditionConfig config = tiny_xl_model(kMerges).unet->config();
    config.cross_attention_dim = {32};
    return config;
  }());
  refuse(model, "unet/config.json: addition_embed_type: expected none for this pipeline");
  model = tiny_xl_model(kMerges);
  unet = model.unet->config();
  unet.projection_class_embeddings_input_dim = 67;
  model.unet = UNet2DConditionModel(unet);
  refuse(model, "projection_class_embeddings_input_dim: expected 68");
  model = tiny_xl_model(kMerges);
  CLIPTextWithProjectionConfig second = model.second->text_encoder->config();
  second.vocab_size = 900;
  model.second->text_encoder = CLIPTextModelWithProjection(second);
  refuse(model, "text_encoder_2: the tokenizer has 914 tokens, and the text encoder's vocab_size is 900");

  fs::remove_all(folder);
  save_stable_diffusion(folder, tiny_model(kMerges));
  fs::remove_all(folder / "vae");
  EXPECT_ERROR(load_stable_diffusion(folder), "model/vae/config.json");
  fs::resize_file(folder / "unet/diffusion_pytorch_model.safetensors", 1000);
  EXPECT_ERROR(load_stable_diffusion(folder), "unet/diffusion_pytorch_model.safetensors: ");
}

}  // namespace
}  // namespace medisyn
