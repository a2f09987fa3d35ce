#include "medisyn/train/parameter_store.h"

#include <torch/nn.h>
#include <torch/optim.h>

#include <cmath>

#include "../expect_error.h"
#include "../fresh_folder.h"

namespace medisyn {
namespace {

NamedParameters two_parameters() {
  torch::manual_seed(0);
  return {{"a", torch::randn({3, 4}).set_requires_grad(true)},
          {"b", torch::randn({5}).set_requires_grad(true)}};
}

torch::Tensor loss_of(const NamedParameters& parameters) {
  return (parameters[0].second.square().sum() + parameters[1].second.pow(4).sum()) * 0.5;
}

TEST(ParameterStore, KeepsValuesAndCollectsGradients) {
  NamedParameters parameters = two_parameters();
  const torch::Tensor a = parameters[0].second.detach().clone();
  ParameterStore store(parameters, {});
  EXPECT_EQ(store.size(), 17);
  EXPECT_TRUE(torch::equal(parameters[0].second.detach(), a));
  loss_of(parameters).backward();
  EXPECT_TRUE(torch::allclose(parameters[0].second.grad(), a));
  store.zero_gradients();
  EXPECT_EQ(parameters[0].second.grad().abs().sum().item<float>(), 0);
}

TEST(ParameterStore, ClipsLikeTorch) {
  NamedParameters parameters = two_parameters();
  ParameterStore store(parameters, {.max_grad_norm = 0.5});
  loss_of(parameters).backward();
  std::vector<torch::Tensor> copies;
  for (const auto& [name, parameter] : two_parameters()) {
    copies.push_back(parameter);
  }
  loss_of({{"a", copies[0]}, {"b", copies[1]}}).backward();
  const double norm = torch::nn::utils::clip_grad_norm_(copies, 0.5);
  EXPECT_NEAR(store.clip_gradients().item<double>(), norm, 1e-5);
  EXPECT_TRUE(torch::allclose(parameters[0].second.grad(), copies[0].grad(), 1e-5, 1e-7));
}

TEST(ParameterStore, StepsLikeTorchsAdamW) {
  OptimizerConfig config{.beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1};
  NamedParameters parameters = two_parameters();
  ParameterStore store(parameters, config);
  NamedParameters reference = two_parameters();
  torch::optim::AdamW adamw({reference[0].second, reference[1].second},
                            torch::optim::AdamWOptions(0.01).betas({0.8, 0.95}).eps(1e-6).weight_decay(0.1));
  for (int i = 0; i < 20; ++i) {
    store.zero_gradients();
    loss_of(parameters).backward();
    store.apply(0.01);
    adamw.zero_grad();
    loss_of(reference).backward();
    adamw.step();
  }
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_TRUE(torch::allclose(parameters[i].second, reference[i].second, 1e-5, 1e-6));
  }
  EXPECT_EQ(store.step(), 20);
}

TEST(ParameterStore, EmaFollowsItsFormulaAndSwapsBack) {
  NamedParameters parameters = two_parameters();
  ParameterStore store(parameters, {.ema_decay = 0.3});
  torch::Tensor expected = parameters[1].second.detach().clone();
  for (int i = 0; i < 5; ++i) {
    store.zero_gradients();
    loss_of(parameters).backward();
    store.apply(0.05);
    const double decay = std::min(0.3, (1.0 + i) / (10.0 + i));
    expected = decay * expected + (1 - decay) * parameters[1].second.detach();
  }
  const torch::Tensor raw = parameters[1].second.detach().clone();
  {
    const WithEma ema(store);
    EXPECT_TRUE(torch::allclose(parameters[1].second, expected, 1e-5, 1e-6));
    EXPECT_FALSE(torch::equal(parameters[1].second.detach(), raw));
  }
  EXPECT_TRUE(torch::equal(parameters[1].second.detach(), raw));
}

TEST(ParameterStore, StateOfAnotherModelIsRefused) {
  const std::filesystem::path file = fresh_folder() / "state.safetensors";
  NamedParameters small = {{"a", torch::ones({2}).set_requires_grad(true)}};
  write_safetensors(file, ParameterStore(small, {}).state());
  ParameterStore store(two_parameters(), {});
  EXPECT_ERROR(store.load_state(Safetensors(file), 3),
               "training state: parameters is missing or of another model");
}

}  // namespace
}  // namespace medisyn
