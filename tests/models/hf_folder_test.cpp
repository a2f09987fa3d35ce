#include "medisyn/models/hf_folder.h"

#include <torch/types.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"

namespace medisyn {
namespace {

CLIPTextConfig small_text() {
  CLIPTextConfig config;
  config.vocab_size = 20;
  config.hidden_size = 8;
  config.intermediate_size = 16;
  config.num_hidden_layers = 1;
  config.num_attention_heads = 2;
  config.max_position_embeddings = 6;
  return config;
}

TEST(HfFolder, SavedAndLoadedModelsAreTheSame) {
  const fs::path folder = fresh_folder();
  torch::manual_seed(1);
  CLIPTextModel model(small_text());
  model->eval();
  save_component(folder / "text_encoder", model);
  auto loaded = load_component<CLIPTextModel>(folder / "text_encoder");
  EXPECT_FALSE(loaded->is_training());
  const torch::Tensor ids = torch::tensor({{1, 2, 3}});
  EXPECT_TRUE(torch::equal(model->forward(ids), loaded->forward(ids)));
  EXPECT_EQ(config_to_json(loaded->config()), config_to_json(model->config()));
}

TEST(HfFolder, KeysWithAndWithoutThePrefixAreRead) {
  const fs::path folder = fresh_folder();
  CLIPTextModel model(small_text());
  TensorMap tensors;
  for (const auto& [name, tensor] : state_dict(*model)) {
    tensors[name.substr(std::string("text_model.").size())] = tensor.detach();
  }
  tensors["embeddings.position_ids"] = torch::arange(6);
  write_component_config(folder, component_files(model->config()), config_to_json(model->config()));
  write_safetensors(folder / "model.safetensors", tensors);
  auto loaded = load_component<CLIPTextModel>(folder);
  for (const auto& [name, tensor] : state_dict(*loaded)) {
    EXPECT_TRUE(torch::equal(tensor, state_dict(*model).at(name))) << name;
  }
}

TEST(HfFolder, MissingUnexpectedAndMisshapenKeysAreNamed) {
  const fs::path folder = fresh_folder();
  CLIPTextModel model(small_text());
  save_component(folder, model);
  const fs::path file = folder / "model.safetensors";
  const auto whole = [&] {
    TensorMap tensors;
    for (const auto& [name, tensor] : state_dict(*model)) {
      tensors[name] = tensor.detach();
    }
    return tensors;
  }();
  const std::string bias = "text_model.final_layer_norm.bias";
  TensorMap damaged = whole;
  damaged.erase(bias);
  write_safetensors(file, damaged);
  EXPECT_ERROR(load_component<CLIPTextModel>(folder), bias);
  damaged = whole;
  damaged["text_model.other"] = torch::ones(1);
  write_safetensors(file, damaged);
  EXPECT_ERROR(load_component<CLIPTextModel>(folder), "text_model.other");
  damaged = whole;
  damaged[bias] = torch::ones(9);
  write_safetensors(file, damaged);
  EXPECT_ERROR(load_component<CLIPTextModel>(folder), bias);
  fs::remove(file);
  EXPECT_ERROR(load_component<CLIPTextModel>(folder), folder.string());
  EXPECT_ERROR(load_component<CLIPTextModel>(folder / "none"), "none");
}

}  // namespace
}  // namespace medisyn
