// medisyn model: made, inspected, converted and exported as a user would.
#include <gmock/gmock.h>

#include "../fresh_folder.h"
#include "../pipeline/tiny_model.h"
#include "../run_program.h"
#include "medisyn/core/files.h"
#include "medisyn/models/biomedclip.h"
#include "medisyn/models/hf_folder.h"

namespace medisyn {
namespace {

using testing::HasSubstr;

const fs::path kGolden = MEDISYN_TEST_DATA;

class ModelCommand : public testing::Test {
 protected:
  void SetUp() override {
    save_stable_diffusion(folder_ / "model", tiny_model(kGolden / "clip_small_merges.txt"));
  }

  ProgramResult run(std::vector<std::string> words) const {
    words.insert(words.begin(), "model");
    return run_program(words, folder_);
  }
  void refuse(const std::vector<std::string>& words, const std::string& text) const {
    const ProgramResult result = run(words);
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_THAT(result.errors, HasSubstr(text));
    EXPECT_EQ(std::count(result.errors.begin(), result.errors.end(), '\n'), 1) << result.errors;
  }
  std::string weights(const std::string& model, const std::string& component) const {
    return read_file(
        folder_ / model / component /
        (component == "text_encoder" ? "model.safetensors" : "diffusion_pytorch_model.safetensors"));
  }
  void expect_equal_models(const std::string& a, const std::string& b) const {
    for (const char* component : {"text_encoder", "unet", "vae"}) {
      EXPECT_EQ(weights(a, component), weights(b, component)) << component;
    }
  }

  fs::path folder_ = fresh_folder();
};

TEST_F(ModelCommand, InspectListsComponentsAndSaysWhatIsWrong) {
  const ProgramResult whole = run({"inspect", "model"});
  EXPECT_EQ(whole.exit_code, 0) << whole.errors;
  EXPECT_THAT(whole.output, HasSubstr("StableDiffusionPipeline"));
  EXPECT_THAT(whole.output, HasSubstr("UNet2DConditionModel"));
  EXPECT_THAT(whole.output, HasSubstr("fp32"));
  const Json json = Json::parse(run({"inspect", "model", "--json"}).output);
  const Json& unet = json.at("components").at("unet");
  EXPECT_EQ(unet.at("sha256"), sha256_file(folder_ / "model/unet/diffusion_pytorch_model.safetensors"));
  EXPECT_EQ(unet.at("parameters"), parameter_count(*UNet2DConditionModel(tiny_unet_config())));
  EXPECT_EQ(run({"inspect", "model/unet"}).exit_code, 0);

  TensorMap tensors = Safetensors(folder_ / "model/vae/diffusion_pytorch_model.safetensors").all();
  tensors["stray"] = tensors.extract("quant_conv.bias").mapped();
  write_safetensors(folder_ / "new", tensors);
  fs::rename(folder_ / "new", folder_ / "model/vae/diffusion_pytorch_model.safetensors");
  const ProgramResult broken = run({"inspect", "model"});
  EXPECT_EQ(broken.exit_code, 2);
  EXPECT_THAT(broken.output, HasSubstr("1 parameters are missing:\n  quant_conv.bias"));
  EXPECT_THAT(broken.output, HasSubstr("stray"));
  EXPECT_THAT(broken.errors, HasSubstr("would not load: the weights of vae do not fit"));

  fs::remove(folder_ / "model/unet/diffusion_pytorch_model.safetensors");
  const ProgramResult without = run({"inspect", "model"});
  EXPECT_EQ(without.exit_code, 2);
  EXPECT_THAT(without.output, HasSubstr("unet/diffusion_pytorch_model.safetensors: no such file, "));
  EXPECT_THAT(without.output, HasSubstr("AutoencoderKL"));
  EXPECT_THAT(without.errors, HasSubstr("the weights of unet, vae do not fit"));
  refuse({"inspect", "none"}, "none: no such folder");
}

TEST_F(ModelCommand, ConvertChangesTheDtypeAndLosesNothingElse) {
  EXPECT_EQ(run({"convert", "model", "half", "--dtype", "bf16"}).exit_code, 0);
  const auto unet = Safetensors(folder_ / "half/unet/diffusion_pytorch_model.safetensors").all();
  const auto original = Safetensors(folder_ / "model/unet/diffusion_pytorch_model.safetensors").all();
  for (const auto& [name, tensor] : original) {
    EXPECT_TRUE(torch::equal(unet.at(name), tensor.to(torch::kBFloat16))) << name;
  }
  for (const char* file : {"model_index.json", "scheduler/scheduler_config.json", "tokenizer/vocab.json",
                           "tokenizer/merges.txt"}) {
    EXPECT_EQ(read_file(folder_ / "half" / file), read_file(folder_ / "model" / file)) << file;
  }
  refuse({"convert", "model", "half"}, "half: is there already");
  refuse({"convert", "model", "x", "--dtype", "int8"}, "int8");
  EXPECT_FALSE(fs::exists(folder_ / "x"));
}

TEST_F(ModelCommand, SingleFileAndBackIsTheSameModel) {
  EXPECT_EQ(run({"convert", "model", "one.safetensors"}).exit_code, 0);
  EXPECT_EQ(run({"convert", "one.safetensors", "back", "--base", "model"}).exit_code, 0);
  expect_equal_models("model", "back");
  refuse({"convert", "one.safetensors", "x"}, "a single file holds no tokenizer");
  refuse({"convert", "model/unet/diffusion_pytorch_model.safetensors", "x"},
         "expected a single file of Stable Diffusion");
  refuse({"convert", "model", "one.safetensors"}, "is there already");
}

TEST_F(ModelCommand, ExportWritesTheNewestCheckpointOfARun) {
  fs::create_directories(folder_ / "run/checkpoints");
  fs::rename(folder_ / "model", folder_ / "run/checkpoints/step-2");
  write_file(folder_ / "run/checkpoints/step-2/training_state.safetensors", "not to be passed on");
  write_file(folder_ / "run/latest", "checkpoints/step-2\n");
  EXPECT_EQ(run({"export", "run", "--out", "final"}).exit_code, 0);
  expect_equal_models("run/checkpoints/step-2", "final");
  EXPECT_FALSE(fs::exists(folder_ / "final/training_state.safetensors"));
}

TEST_F(ModelCommand, InitMakesADescribedModel) {
  const std::string merges = (kGolden / "clip_small_merges.txt").string();
  write_file(
      folder_ / "small.yaml",
      "pipeline: StableDiffusionPipeline\n"
      "scheduler: {_class_name: DDIMScheduler}\n"
      "text_encoder: {hidden_size: 8, intermediate_size: 8, num_hidden_layers: 1, num_attention_heads: 2}\n"
      "unet: {block_out_channels: [8], norm_num_groups: 4, attention_head_dim: 2, cross_attention_dim: 8,\n"
      "       down_block_types: [CrossAttnDownBlock2D], up_block_types: [CrossAttnUpBlock2D]}\n"
      "vae: {block_out_channels: [8], norm_num_groups: 4}\n");
  const auto init = [&](const std::string& out, const std::string& seed) {
    return run({"init", "--config", "small.yaml", "--tokenizer", merges, "--out", out, "--seed", seed});
  };
  ASSERT_EQ(init("a", "1").exit_code, 0);
  ASSERT_EQ(init("b", "1").exit_code, 0);
  ASSERT_EQ(init("c", "2").exit_code, 0);
  expect_equal_models("a", "b");
  EXPECT_NE(weights("a", "unet"), weights("c", "unet"));
  EXPECT_EQ(load_stable_diffusion(folder_ / "a").unet->config().block_out_channels.size(), 1);
  refuse(
      {"init", "--config", "small.yaml", "--tokenizer", merges, "--out", "d", "--set", "unett.sample_size=8"},
      "did you mean unet?");
  refuse({"init", "--config", "small.yaml", "--tokenizer", merges, "--out", "d", "--set",
          "pipeline=FluxPipeline"},
         "FluxPipeline: no such pipeline");
  EXPECT_FALSE(fs::exists(folder_ / "d"));
}

TEST_F(ModelCommand, TrainTokenizerLearnsFromTheCaptionsThatMatch) {
  std::string lines;
  for (const char* part : {"head", "chest", "abdomen", "pelvis", "knee"}) {
    lines += fmt::format(
        R"({{"file_name": "{0}.png", "text": "Axial CT slice of the {0}", "split": "train"}})", part);
    lines += fmt::format(
        "\n"
        R"({{"file_name": "{0}2.png", "text": "zzz {0}", "split": "test"}})"
        "\n",
        part);
  }
  fs::create_directories(folder_ / "data");
  write_file(folder_ / "data/metadata.jsonl", lines);
  const std::vector<std::string> words{"train-tokenizer", "--data", "data",  "--where", "split=train",
                                       "--vocab-size",    "26",     "--out", "pieces"};
  const ProgramResult trained = run(words);
  ASSERT_EQ(trained.exit_code, 0) << trained.errors;
  EXPECT_THAT(trained.errors, HasSubstr("26 pieces learned from 5 captions"));
  write_file(folder_ / "texts.txt", "Axial CT slice of the knee\nzzz\n");
  const ProgramResult ids = run({"tokenize", "--model", "pieces", "--text-file", "texts.txt"});
  EXPECT_EQ(ids.exit_code, 0) << ids.errors;
  EXPECT_THAT(ids.output, HasSubstr("2, 1]\n")) << "z was never seen";
  refuse(words, "pieces: is there already");
}

TEST_F(ModelCommand, BiomedClipBecomesATextEncoder) {
  BiomedClipShape shape;
  shape.vision = {
      .image_pixels = 32, .patch_pixels = 16, .width = 64, .layers = 1, .heads = 1, .intermediate = 64};
  shape.text.vocab_size = 6;
  shape.text.hidden_size = 32;
  shape.text.num_hidden_layers = 1;
  shape.text.num_attention_heads = 1;
  shape.text.intermediate_size = 32;
  shape.embed_dim = 16;
  const fs::path clip = folder_ / "biomedclip";
  fs::create_directories(clip);
  save_parameters(clip / "open_clip_model.safetensors", *BiomedClip(shape));
  write_file(clip / "open_clip_config.json",
             R"({"model_cfg": {"embed_dim": 16, "vision_cfg": {"image_size": 32},
      "text_cfg": {"hf_model_name": "PubMedBERT", "context_length": 256}}})");
  write_file(clip / "vocab.txt", "[PAD]\n[UNK]\n[CLS]\n[SEP]\nct\nmri\n");
  refuse({"convert", "biomedclip", "out"}, "give --base");
  ASSERT_EQ(run({"convert", "biomedclip", "out", "--base", "model", "--max-length", "9"}).exit_code, 0);
  StableDiffusion model = load_stable_diffusion(folder_ / "out");
  EXPECT_EQ(model.text_encoder.class_name(), "BertModel");
  EXPECT_EQ(model.tokenizer.encode("MRI ct x"), (std::vector<std::int64_t>{2, 5, 4, 1, 3}));
  EXPECT_EQ(model.tokenizer.model_max_length(), 9);
  const ProgramResult drawn = run_program(
      {"generate", "--model", "out", "--prompt", "ct", "--out", "drawn", "--steps", "2"}, folder_);
  EXPECT_EQ(drawn.exit_code, 0) << drawn.errors;
  EXPECT_TRUE(fs::exists(folder_ / "drawn/00000.png"));
}

}  // namespace
}  // namespace medisyn
