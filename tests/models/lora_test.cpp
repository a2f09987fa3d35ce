#include "medisyn/models/lora.h"

#include <ATen/Parallel.h>
#include <ATen/autocast_mode.h>
#include <torch/torch.h>

#include "../expect_error.h"
#include "../fresh_folder.h"
#include "../peers.h"
#include "../pipeline/tiny_model.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/nn/recompute.h"

namespace medisyn {
namespace {

/// One layer of the default targets, and one of another name.
class OneLayerImpl : public torch::nn::Module {
 public:
  OneLayerImpl()
      : to_q(register_module("to_q", Linear(5, 3))),
        not_to_q(register_module("not_to_q", Linear(5, 3))),
        conv(register_module("conv", Conv2d(ConvShape{.in = 1, .out = 1}))) {}

  Linear to_q;
  Linear not_to_q;
  Conv2d conv;
};
TORCH_MODULE(OneLayer);

LoraConfig small_config(std::optional<double> alpha = {}) {
  return {.rank = 2, .alpha = alpha, .targets = {"to_q"}};
}

/// B is no longer zero, as after some training.
void draw_b(const LoraAdapters& adapters) {
  const torch::NoGradGuard no_grad;
  for (auto& [name, tensor] : adapters.parameters()) {
    if (name.ends_with("lora_B.weight")) {
      torch::Tensor(tensor).normal_(0, 0.5);
    }
  }
}

struct UNetInput {
  torch::Tensor sample = torch::randn({2, 4, 8, 8});
  torch::Tensor timesteps = torch::tensor({3, 700});
  torch::Tensor text = torch::randn({2, 7, 32});
};

UNet2DConditionModel tiny_unet() {
  at::set_num_threads(1);  // two threads would spend their time on waiting for each other
  return random_component<UNet2DConditionModel>(tiny_unet_config(), 1);
}

torch::Tensor predict(UNet2DConditionModel& unet, const UNetInput& input) {
  return unet->forward(input.sample, input.timesteps, input.text);
}

TensorMap copies(const torch::nn::Module& model) {
  TensorMap tensors;
  for (const auto& [name, tensor] : state_dict(model)) {
    tensors[name] = tensor.detach().clone();
  }
  return tensors;
}

void expect_same_bits(const TensorMap& a, const TensorMap& b) {
  ASSERT_EQ(a.size(), b.size());
  for (const auto& [name, tensor] : a) {
    EXPECT_TRUE(torch::equal(tensor, b.at(name))) << name;
  }
}

TEST(LoraConfig, IsReadAndChecked) {
  const auto read = [](const char* text) {
    return config_from_node<LoraConfig>(parse_config_text(text, "lora.yaml"));
  };
  EXPECT_EQ(read("rank: 8").scale(), 1);
  EXPECT_EQ(read("{rank: 8, alpha: 2}").scale(), 0.25);
  EXPECT_EQ(read("targets: [q_proj]").targets, std::vector<std::string>{"q_proj"});
  EXPECT_ERROR(read("rank: -1"), "rank: expected a number from 0 to 4096");
  EXPECT_ERROR(read("alpha: 0"), "alpha");
  EXPECT_ERROR(read("target: [to_q]"), "did you mean targets?");
}

TEST(Lora, OutputAndGradientsAreThoseOfTheFormula) {
  torch::manual_seed(1);
  OneLayer model;
  LoraAdapters adapters(*model, small_config(/*alpha=*/5), 7);
  draw_b(adapters);
  const torch::Tensor x = torch::randn({4, 5}), towards = torch::randn({4, 3});
  adapters.merge();
  const torch::Tensor y = model->to_q->forward(x);
  (y * towards).sum().backward();

  // W x + b + alpha / rank B (A x), in double precision
  const auto parameters = adapters.parameters();
  const torch::Tensor a = parameters[0].second.detach().to(torch::kDouble).requires_grad_(true);
  const torch::Tensor b = parameters[1].second.detach().to(torch::kDouble).requires_grad_(true);
  const TensorMap own = copies(*model);
  const torch::Tensor expected = torch::linear(x.to(torch::kDouble), own.at("to_q.weight").to(torch::kDouble),
                                               own.at("to_q.bias").to(torch::kDouble)) +
                                 2.5 * x.to(torch::kDouble).mm(a.t()).mm(b.t());
  (expected * towards).sum().backward();
  EXPECT_TRUE(torch::allclose(y.to(torch::kDouble), expected, 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(parameters[0].second.grad().to(torch::kDouble), a.grad(), 1e-5, 1e-6));
  EXPECT_TRUE(torch::allclose(parameters[1].second.grad().to(torch::kDouble), b.grad(), 1e-5, 1e-6));
  for (const torch::Tensor& parameter : model->parameters()) {
    EXPECT_FALSE(parameter.requires_grad() || parameter.grad().defined());
  }
}

TEST(Lora, StartsAsPeftDoes) {
  OneLayer model;
  const LoraConfig config{.rank = 1000, .targets = {"to_q"}};
  const auto parameters = LoraAdapters(*model, config, 7).parameters();
  ASSERT_EQ(parameters.size(), 2);
  EXPECT_EQ(parameters[0].first, "to_q.lora_A.weight");
  EXPECT_EQ(parameters[1].first, "to_q.lora_B.weight");
  const torch::Tensor a = parameters[0].second;
  EXPECT_EQ(a.sizes(), (std::vector<std::int64_t>{1000, 5}));
  EXPECT_NEAR(a.min().item<double>(), -1 / std::sqrt(5.0), 1e-3);
  EXPECT_NEAR(a.max().item<double>(), 1 / std::sqrt(5.0), 1e-3);
  EXPECT_NEAR(a.std().item<double>(), 1 / std::sqrt(15.0), 0.01);
  EXPECT_TRUE(torch::equal(parameters[1].second, torch::zeros({3, 1000})));
  torch::manual_seed(99);
  EXPECT_TRUE(torch::equal(LoraAdapters(*model, config, 7).parameters()[0].second, a));
  EXPECT_FALSE(torch::equal(LoraAdapters(*model, config, 8).parameters()[0].second, a));
}

TEST(Lora, TargetsThatFitNoLinearLayerAreRefused) {
  OneLayer model;
  const auto with = [&](std::vector<std::string> targets) {
    LoraAdapters(*model, {.rank = 2, .targets = std::move(targets)}, 1);
  };
  with({"to_q", "not_to_q"});
  EXPECT_ERROR(with({"to_q", "o_q"}), "found o_q");
  EXPECT_ERROR(with({"conv"}), "found conv, which is none");
  EXPECT_ERROR(with({}), "expected at least one");
}

TEST(Lora, AFreshAdapterChangesNothing) {
  auto unet = tiny_unet();
  const UNetInput input;
  const torch::NoGradGuard no_grad;
  const torch::Tensor without = predict(unet, input);
  LoraAdapters adapters(*unet, {}, 7);
  EXPECT_EQ(adapters.parameters().size(), 2 * 4 * 2 * 4);  // A, B of 4 layers of 2 attentions in 4 blocks
  adapters.merge();
  EXPECT_TRUE(torch::equal(predict(unet, input), without));
  draw_b(adapters);
  EXPECT_TRUE(torch::equal(predict(unet, input), without)) << "merged before merge() was called";
  adapters.merge();
  EXPECT_FALSE(torch::allclose(predict(unet, input), without, 0.01, 0.01));
  adapters.unmerge();
  EXPECT_TRUE(torch::equal(predict(unet, input), without));
}

/// Gradients of A and B by name after `passes` passes over one loss.
TensorMap unet_gradients(bool recompute, int passes) {
  auto unet = tiny_unet();
  const UNetInput input;
  LoraAdapters adapters(*unet, {.rank = 3, .alpha = 2}, 7);
  draw_b(adapters);
  for (int pass = 0; pass < passes; ++pass) {
    std::optional<RecomputeBlocks> blocks;
    if (recompute) {
      blocks.emplace();
    }
    adapters.merge();
    predict(unet, input).square().mean().backward();
  }
  TensorMap gradients;
  for (const auto& [name, tensor] : adapters.parameters()) {
    gradients[name] = tensor.grad();
    EXPECT_GT(tensor.grad().abs().max().item<double>(), 0) << name;
  }
  return gradients;
}

TEST(Lora, RecomputedBlocksGiveTheSameGradients) {
  const TensorMap kept = unet_gradients(false, 1), recomputed = unet_gradients(true, 1);
  const TensorMap twice = unet_gradients(true, 2);
  for (const auto& [name, gradient] : kept) {
    EXPECT_TRUE(torch::allclose(recomputed.at(name), gradient, 1e-5, 1e-9)) << name;
    EXPECT_TRUE(torch::allclose(twice.at(name), 2 * gradient, 1e-5, 1e-9)) << name;
  }
}

TEST(Lora, AutocastDoesNotRoundTheUpdate) {
  torch::manual_seed(1);
  OneLayer model;
  LoraAdapters adapters(*model, small_config(), 7);
  draw_b(adapters);
  adapters.merge();
  const torch::Tensor plain = model->to_q->weight;
  at::autocast::set_autocast_enabled(torch::kCPU, true);
  adapters.merge();
  at::autocast::set_autocast_enabled(torch::kCPU, false);
  EXPECT_TRUE(torch::equal(model->to_q->weight, plain));
}

TEST(Lora, RegisteredMergedWeightsAreSavedAndTakenOutExactly) {
  const fs::path folder = fresh_folder();
  auto unet = tiny_unet();
  unet->eval();
  const UNetInput input;
  LoraAdapters adapters(*unet, {.rank = 3, .alpha = 2}, 7);
  draw_b(adapters);
  const TensorMap before = copies(*unet);
  const torch::NoGradGuard no_grad;
  const torch::Tensor without = predict(unet, input);
  adapters.merge();
  const torch::Tensor with = predict(unet, input);
  {
    const WithMergedLora merged(adapters);
    EXPECT_TRUE(torch::equal(predict(unet, input), with));
    adapters.merge();
    EXPECT_TRUE(torch::equal(predict(unet, input), with)) << "merged twice";
    EXPECT_THROW(const WithMergedLora again(adapters), c10::Error);
    {
      const torch::AutoGradMode gradients(true);
      EXPECT_THROW(adapters.merge(), c10::Error);
    }
    save_component(folder / "unet", unet);
  }
  expect_same_bits(copies(*unet), before);
  EXPECT_TRUE(torch::equal(predict(unet, input), without));
  adapters.merge();
  EXPECT_TRUE(torch::equal(predict(unet, input), with));
  expect_same_bits(copies(*unet), before);

  auto loaded = load_component<UNet2DConditionModel>(folder / "unet");
  EXPECT_TRUE(torch::equal(predict(loaded, input), with));
  EXPECT_EQ(state_dict(*loaded).size(), before.size());
}

TEST(Lora, TheFileIsDiffusers) {
  const fs::path folder = fresh_folder() / "new";
  OneLayer model;
  LoraAdapters adapters(*model, small_config(/*alpha=*/5), 7);
  draw_b(adapters);
  adapters.save(folder);
  const Safetensors file(folder / "pytorch_lora_weights.safetensors");
  EXPECT_EQ(file.names(), (std::vector<std::string>{"unet.to_q.lora_A.weight", "unet.to_q.lora_B.weight"}));
  EXPECT_TRUE(torch::equal(file.tensor("unet.to_q.lora_A.weight"), adapters.parameters()[0].second));
  EXPECT_TRUE(torch::equal(file.tensor("unet.to_q.lora_B.weight"), adapters.parameters()[1].second));
  EXPECT_EQ(file.metadata().at("format"), "pt");
  EXPECT_EQ(Json::parse(file.metadata().at("lora_adapter_metadata")),
            (Json{{"unet.r", 2}, {"unet.lora_alpha", 5.0}, {"unet.target_modules", {"to_q"}}}));
}

// The same files in diffusers and PEFT (scripts/parity_lora.py).

struct Case {
  std::string name;
  LoraConfig unet;
  std::optional<LoraConfig> text_encoder = {};
};

Json to_json(const LoraConfig& config) {
  return {{"rank", config.rank}, {"alpha", config.used_alpha()}, {"targets", config.targets}};
}

/// Trained adapters and what the model gives with them.
void write_case(const fs::path& base, const fs::path& folder, const Case& one) {
  StableDiffusion model = load_stable_diffusion(base);
  const UNetInput input;
  LoraAdapters of_unet(*model.unet, one.unet, 1);
  draw_b(of_unet);
  of_unet.merge();
  const torch::Tensor prediction = predict(model.unet, input);
  prediction.square().mean().backward();
  TensorMap results{{"sample", input.sample},
                    {"timesteps", input.timesteps},
                    {"text_embeddings", input.text},
                    {"prediction", prediction}};
  for (const auto& [name, tensor] : of_unet.parameters()) {
    results["grad." + name] = tensor.grad();
  }
  Json configs{{"unet", to_json(one.unet)}};
  std::map<std::string, const LoraAdapters*> components{{"unet", &of_unet}};
  std::optional<LoraAdapters> of_text;
  if (one.text_encoder) {
    of_text.emplace(*model.text_encoder, *one.text_encoder, 2);
    draw_b(*of_text);
    of_text->merge();
    results["input_ids"] = torch::tensor({{5, 7, 11, 2}});
    results["hidden"] = model.text_encoder.forward(results["input_ids"]);
    configs["text_encoder"] = to_json(*one.text_encoder);
    components["text_encoder"] = &*of_text;
  }
  save_lora_weights(folder, components);
  write_file(folder / "lora.json", configs.dump());
  write_safetensors(folder / "results.safetensors", results);
}

TEST(Lora, DiffusersLoadsTheFileAndGivesTheSame) {
  if (peers_python().empty()) {
    GTEST_SKIP() << "no diffusers here: scripts/setup_peers.sh makes .venv-peers";
  }
  const fs::path folder = fresh_folder();
  save_stable_diffusion(folder / "base", tiny_model(fs::path(MEDISYN_TEST_DATA) / "clip_small_merges.txt"));
  const std::vector<std::string> of_clip = {"q_proj", "k_proj", "v_proj", "out_proj"};
  const std::vector<Case> cases = {
      {.name = "alpha_is_rank", .unet = {.rank = 4}},
      {.name = "alpha_is_less", .unet = {.rank = 4, .alpha = 1}},
      {.name = "some_layers", .unet = {.rank = 3, .alpha = 7.5, .targets = {"attn2.to_v", "ff.net.2"}}},
      {.name = "text_encoder",
       .unet = {.rank = 4, .alpha = 2},
       .text_encoder = LoraConfig{.rank = 3, .alpha = 9, .targets = of_clip}},
  };
  for (const Case& one : cases) {
    write_case(folder / "base", folder / one.name, one);
  }
  EXPECT_EQ(run_peer("parity_lora.py", folder), 0);
}

}  // namespace
}  // namespace medisyn
