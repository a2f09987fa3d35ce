#include "medisyn/nn/recompute.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include "medisyn/nn/resnet.h"
#include "medisyn/nn/transformer_2d.h"

namespace medisyn {
namespace {

/// A resnet block with dropout and a transformer block, as one level of a U-Net has them.
struct Level {
  ResnetBlock2D resnet{ResnetShape{.in = 8, .out = 16, .time_width = 12, .groups = 4, .dropout = 0.3}};
  Transformer2DModel attention{Transformer2DShape{.channels = 16, .heads = 2, .context = 6, .groups = 4}};

  torch::Tensor forward(const torch::Tensor& x, const torch::Tensor& time, const torch::Tensor& text) {
    return attention(resnet(x, time), text);
  }

  std::vector<torch::Tensor> parameters() const {
    std::vector<torch::Tensor> all = resnet->parameters();
    const auto more = attention->parameters();
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }
};

/// The output, and the gradients of parameters and inputs that are wanted.
std::vector<torch::Tensor> run(Level& level, bool recompute, bool with_inputs, bool autocast) {
  torch::manual_seed(3);
  std::vector<torch::Tensor> inputs = {torch::randn({2, 8, 5, 4}), torch::randn({2, 12}),
                                       torch::randn({2, 7, 6})};
  for (torch::Tensor& input : inputs) {
    input.requires_grad_(with_inputs);
  }
  for (torch::Tensor& parameter : level.parameters()) {
    parameter.mutable_grad() = torch::Tensor();
  }
  torch::Tensor output;
  {
    std::optional<RecomputeBlocks> scope;
    if (recompute) {
      scope.emplace();
    }
    at::autocast::set_autocast_enabled(torch::kCPU, autocast);
    at::autocast::set_autocast_dtype(torch::kCPU, torch::kBFloat16);
    output = level.forward(inputs[0], inputs[1], inputs[2]).to(torch::kFloat);
    at::autocast::clear_cache();
    at::autocast::set_autocast_enabled(torch::kCPU, false);
  }
  torch::rand({5});  // between the passes others draw, too
  output.square().sum().backward();
  std::vector<torch::Tensor> results = {output.detach()};
  for (const torch::Tensor& parameter : level.parameters()) {
    results.push_back(parameter.grad());
  }
  for (const torch::Tensor& input : inputs) {
    results.push_back(with_inputs ? input.grad() : torch::zeros({1}));
  }
  results.push_back(torch::rand({3}));  // the random state after both passes
  return results;
}

TEST(Recompute, GradientsAndRandomNumbersAreThoseOfBlocksThatKeepEverything) {
  torch::manual_seed(1);
  Level level;
  for (const bool with_inputs : {true, false}) {
    for (const bool autocast : {false, true}) {
      const auto kept = run(level, false, with_inputs, autocast);
      const auto again = run(level, true, with_inputs, autocast);
      ASSERT_EQ(kept.size(), again.size());
      for (std::size_t i = 0; i < kept.size(); ++i) {
        ASSERT_TRUE(kept[i].defined() && again[i].defined()) << i;
        EXPECT_TRUE(torch::equal(kept[i], again[i]))
            << i << " inputs " << with_inputs << " bf16 " << autocast;
      }
    }
  }
}

TEST(Recompute, RunsTwiceWhereGradientsAreWantedAndOnceElsewhere) {
  int runs = 0;
  const Block block = [&runs](const torch::Tensor& a, const torch::Tensor& b) {
    ++runs;
    return a * b;
  };
  const torch::Tensor a = torch::full({2}, 3.0, torch::requires_grad()), b = torch::full({2}, 5.0);
  recomputed(block, a, b).sum().backward();
  EXPECT_EQ(runs, 1);
  const RecomputeBlocks scope;
  recomputed(block, a, b).sum().backward();
  EXPECT_EQ(runs, 3);
  EXPECT_TRUE(torch::equal(a.grad(), torch::full({2}, 10.0)));
  const torch::NoGradGuard no_grad;
  recomputed(block, a, b);
  EXPECT_EQ(runs, 4);
}

}  // namespace
}  // namespace medisyn
