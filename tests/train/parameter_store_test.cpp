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

Communicator& alone() {
  static Communicator ranks;
  return ranks;
}

torch::Tensor loss_of(const NamedParameters& parameters) {
  return (parameters[0].second.square().sum() + parameters[1].second.pow(4).sum()) * 0.5;
}

TEST(ParameterStore, KeepsValuesAndCollectsGradients) {
  NamedParameters parameters = two_parameters();
  const torch::Tensor a = parameters[0].second.detach().clone();
  ParameterStore store(parameters, {}, alone());
  EXPECT_EQ(store.size(), 17);
  EXPECT_TRUE(torch::equal(parameters[0].second.detach(), a));
  loss_of(parameters).backward();
  EXPECT_TRUE(torch::allclose(parameters[0].second.grad(), a));
  store.drop_gradients();
  EXPECT_FALSE(parameters[0].second.grad().defined());
}

TEST(ParameterStore, ClipsLikeTorch) {
  for (const double longest : {0.5, 1e3}) {  // shorter and longer than the gradients
    NamedParameters parameters = two_parameters(), reference = two_parameters();
    ParameterStore store(parameters, {.max_grad_norm = longest}, alone());
    torch::optim::AdamW adamw({reference[0].second, reference[1].second},
                              torch::optim::AdamWOptions(0.01).eps(1e-8).weight_decay(0.01));
    for (int i = 0; i < 5; ++i) {  // AdamW forgets a constant factor, but not one that changes
      store.drop_gradients();
      adamw.zero_grad();
      (loss_of(parameters) * (i + 1)).backward();
      (loss_of(reference) * (i + 1)).backward();
      const double norm =
          torch::nn::utils::clip_grad_norm_({reference[0].second, reference[1].second}, longest);
      EXPECT_NEAR(store.gradient_norm(), norm, 1e-5 * norm);
      store.apply(0.01, store.gradient_norm());
      adamw.step();
    }
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_TRUE(torch::allclose(parameters[i].second, reference[i].second, 1e-5, 1e-6)) << longest;
    }
  }
}

TEST(ParameterStore, AParameterWithoutGradientStays) {
  NamedParameters parameters = two_parameters();
  ParameterStore store(parameters, {.weight_decay = 0.5}, alone());
  const torch::Tensor before = parameters[0].second.detach().clone();
  parameters[1].second.square().sum().backward();
  store.apply(0.1, store.gradient_norm());
  EXPECT_TRUE(torch::equal(parameters[0].second.detach(), before));
  EXPECT_FALSE(torch::equal(parameters[1].second.detach(), two_parameters()[1].second.detach()));
}

TEST(ParameterStore, StepsLikeTorchsAdamW) {
  OptimizerConfig config{.beta1 = 0.8, .beta2 = 0.95, .eps = 1e-6, .weight_decay = 0.1};
  NamedParameters parameters = two_parameters();
  ParameterStore store(parameters, config, alone());
  NamedParameters reference = two_parameters();
  torch::optim::AdamW adamw({reference[0].second, reference[1].second},
                            torch::optim::AdamWOptions(0.01).betas({0.8, 0.95}).eps(1e-6).weight_decay(0.1));
  for (int i = 0; i < 20; ++i) {
    store.drop_gradients();
    loss_of(parameters).backward();
    store.apply(0.01, 0);
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
  ParameterStore store(parameters, {.ema_decay = 0.3}, alone());
  torch::Tensor expected = parameters[1].second.detach().clone();
  for (int i = 0; i < 5; ++i) {
    store.drop_gradients();
    loss_of(parameters).backward();
    store.apply(0.05, 0);
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
  write_safetensors(file, ParameterStore(small, {}, alone()).state());
  ParameterStore store(two_parameters(), {}, alone());
  EXPECT_ERROR(store.load_state(Safetensors(file), 3, 3),
               "training state: parameters is missing or of another model");
}

}  // namespace
}  // namespace medisyn
