#include "medisyn/pipeline/model_folder.h"

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "tiny_model.h"

namespace medisyn {
namespace {

const fs::path kModels = fs::path(MEDISYN_SOURCE) / "configs/models";
const fs::path kMerges = fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt";

// The numbers of parameters of the published models, by the descriptions that come with the program.
TEST(ModelDescription, PublishedSizes) {
  const std::map<std::string, std::map<std::string, std::int64_t>> published{
      {"sd14.yaml", {{"text_encoder", 123'060'480}, {"unet", 859'520'964}, {"vae", 83'653'863}}},
      {"sd14_biomedclip.yaml", {{"text_encoder", 109'482'240}, {"unet", 859'520'964}, {"vae", 83'653'863}}},
      {"sd21.yaml", {{"text_encoder", 340'387'840}, {"unet", 865'910'724}, {"vae", 83'653'863}}},
      {"sdxl.yaml",
       {{"text_encoder", 123'060'480},
        {"text_encoder_2", 694'659'840},
        {"unet", 2'567'463'684},
        {"vae", 83'653'863}}}};
  for (const auto& [file, sizes] : published) {
    const ModelDescription description = read_model_description(kModels / file);
    EXPECT_EQ(description.components.size(), sizes.size()) << file;
    for (const auto& [name, config] : description.components) {
      const Component component = empty_component(description.classes.at(name), config);
      EXPECT_EQ(parameter_count(*component.module), sizes.at(name)) << file << " " << name;
    }
  }
}

TEST(ModelDescription, WhatDoesNotBelongIsNamedWithItsLine) {
  const fs::path file = fresh_folder() / "model.yaml";
  const auto read = [&](const std::string& text) {
    write_file(file, text);
    return read_model_description(file);
  };
  EXPECT_ERROR(read("unet: {}\n"), "expected the key pipeline");
  EXPECT_ERROR(read("pipeline: StableDiffusionPipeline\nunett: {}\n"),
               "model.yaml:2: unknown key unett (did you mean unet?)");
  EXPECT_ERROR(read("pipeline: StableDiffusionPipeline\ntext_encoder_2: {}\n"), "unknown key text_encoder_2");
  EXPECT_ERROR(read("pipeline: StableDiffusionPipeline\nvae: {}\n"), "expected the key scheduler");
  EXPECT_ERROR(read("pipeline: StableDiffusionPipeline\nvae: {_class_name: VQModel}\n"),
               "vae: expected a AutoencoderKL");
  EXPECT_ERROR(read("pipeline: StableDiffusionPipeline\nscheduler: {beta_stat: 1}\n"),
               "did you mean beta_start?");
}

TEST(ModelDescription, SecondTokenizerOfSdxlPadsWithAnExclamationMark) {
  const ModelFolder model =
      empty_model_folder(read_model_description(kModels / "sdxl.yaml"), read_tokenizer(kMerges));
  const auto padded = model.tokenizers.at("tokenizer_2").encode_padded("CT");
  EXPECT_EQ(padded.back(), 0);  // "!" is the first byte of CLIP's vocabulary
  EXPECT_NE(model.tokenizers.at("tokenizer").encode_padded("CT").back(), 0);
  EXPECT_EQ(model.index.classes.at("tokenizer_2"), "CLIPTokenizer");
}

TEST(ModelFolder, IsWrittenWholeAndReadAgain) {
  const fs::path folder = fresh_folder();
  save_stable_diffusion(folder / "model", tiny_model(kMerges));
  const ModelFolder model = read_model_folder(folder / "model");
  write_model_folder(folder / "copy", model);
  for (const char* file :
       {"model_index.json", "unet/config.json", "unet/diffusion_pytorch_model.safetensors",
        "text_encoder/model.safetensors", "tokenizer/merges.txt", "scheduler/scheduler_config.json"}) {
    EXPECT_EQ(read_file(folder / "copy" / file), read_file(folder / "model" / file)) << file;
  }
  EXPECT_ERROR(write_model_folder(folder / "copy", model), "is there already");
  EXPECT_FALSE(fs::exists(folder / "copy.part"));
}

TEST(ModelIndex, FurtherComponentsAreNamedAsUnused) {
  const fs::path folder = fresh_folder();
  save_stable_diffusion(folder, tiny_model(kMerges));
  Json index = Json::parse(read_file(folder / kModelIndex));
  index["safety_checker"] = Json::array({"stable_diffusion", "StableDiffusionSafetyChecker"});
  write_file(folder / kModelIndex, index.dump());
  EXPECT_EQ(read_model_index(folder).unused, std::vector<std::string>{"safety_checker"});
}

}  // namespace
}  // namespace medisyn
