// Layers as they run without gradients, beside torch's own operators.
#include <gtest/gtest.h>
#include <torch/types.h>

#include "medisyn/nn/cpu_elementwise.h"
#include "medisyn/nn/layers.h"
#include "medisyn/nn/packed_weight.h"
#include "medisyn/nn/transformer_2d.h"

namespace medisyn {
namespace {

/// The largest difference, of the largest value.
double relative(const torch::Tensor& found, const torch::Tensor& expected) {
  const auto truth = expected.to(torch::kDouble);
  return ((found.to(torch::kDouble) - truth).abs().max() / truth.abs().max()).item<double>();
}

bool has_avx512(torch::ScalarType dtype) { return packing_fits(torch::ones({2, 2}, dtype)); }

/// Images of a mean that is large against their deviation.
torch::Tensor images(const torch::IntArrayRef& shape, torch::ScalarType dtype) {
  torch::manual_seed(6);
  return (torch::randn(shape) + 10).to(dtype).contiguous(torch::MemoryFormat::ChannelsLast);
}

TEST(Inference, GroupNormAndSiluAreTorchs) {
  const torch::NoGradGuard no_grad;
  for (const auto dtype : {torch::kFloat, torch::kBFloat16}) {
    const double bound = dtype == torch::kFloat ? 1e-5 : 1e-2;
    for (const auto& shape : std::vector<std::vector<std::int64_t>>{
             {2, 32, 9, 7}, {1, 96, 1, 1}, {3, 64, 16, 17}, {2, 24, 5, 5}, {1, 320, 30, 30}}) {
      GroupNorm norm(8, shape[1], 1e-5);
      norm->weight.uniform_(0.5, 2);
      norm->bias.normal_();
      norm->to(dtype);
      const auto x = images(shape, dtype);
      const auto truth = torch::group_norm(x.to(torch::kDouble), 8, norm->weight.to(torch::kDouble),
                                           norm->bias.to(torch::kDouble), 1e-5);
      EXPECT_LT(relative(norm(x), truth), bound) << x.sizes();
      EXPECT_LT(relative(norm->with_silu(x), torch::silu(truth)), bound) << x.sizes();
      EXPECT_TRUE(norm(x).is_contiguous(torch::MemoryFormat::ChannelsLast));
      EXPECT_LT(relative(norm->with_silu(x.contiguous()), torch::silu(truth)), bound) << "not channels-last";
    }
  }
}

TEST(Inference, GroupNormKeepsNanToItsGroup) {
  const torch::NoGradGuard no_grad;
  auto x = images({2, 32, 5, 5}, torch::kFloat);
  x[1][9][2][3] = NAN;
  const auto out = GroupNorm(2, 32, 1e-5)->with_silu(x);
  EXPECT_TRUE(out[1].narrow(0, 0, 16).isnan().all().item<bool>());
  EXPECT_EQ(out.isnan().sum().item<std::int64_t>(), 16 * 25);
}

TEST(Inference, GroupNormTrainsThroughTorch) {
  auto x = images({1, 32, 4, 4}, torch::kFloat).requires_grad_();
  GroupNorm norm(4, 32, 1e-5);
  EXPECT_FALSE(cpu_group_norm_fits(x, norm->weight));
  EXPECT_TRUE(
      torch::equal(norm->with_silu(x), torch::silu(torch::group_norm(x, 4, norm->weight, norm->bias, 1e-5))));
}

TEST(Inference, GateIsHalfTimesGelu) {
  const torch::NoGradGuard no_grad;
  for (const auto dtype : {torch::kFloat, torch::kBFloat16}) {
    if (!has_avx512(dtype)) {
      continue;
    }
    const auto x = torch::cat({torch::ones({1, 1001, 32}),
                               torch::linspace(-12, 12, 1001).view({1, 1001, 1}).expand({1, 1001, 32})},
                              2)
                       .to(dtype);
    ASSERT_TRUE(cpu_gate_fits(x));
    const auto halves = x.to(torch::kDouble).chunk(2, -1);
    const auto difference = (cpu_gate(x).to(torch::kDouble) - halves[0] * torch::gelu(halves[1])).abs();
    EXPECT_LT((difference / (halves[1].abs() + 1)).max().item<double>(),
              dtype == torch::kFloat ? 3e-7 : 4e-3);
    EXPECT_TRUE(cpu_gate(torch::full({1, 32}, NAN, dtype)).isnan().all().item<bool>());
  }
  EXPECT_FALSE(cpu_gate_fits(torch::ones({1, 24})));
}

TEST(Inference, FeedForwardIsTheSameInParts) {
  FeedForward layer(32);
  torch::manual_seed(7);
  const auto x = torch::randn({3, 1000, 32});
  const auto with_gradients = layer(x);
  const torch::NoGradGuard no_grad;
  EXPECT_LT(relative(layer(x), with_gradients), 2e-6);
  EXPECT_EQ(layer(x).sizes(), x.sizes());
}

class Trunk : public torch::nn::Module {
 public:
  Trunk() {
    conv = register_module("conv", Conv2d(ConvShape{.in = 32, .out = 48}));
    half = register_module("half", Conv2d(ConvShape{.in = 48, .out = 64, .stride = 2}));
    pointwise =
        register_module("pointwise", Conv2d(ConvShape{.in = 64, .out = 64, .kernel = 1, .padding = 0}));
    linear = register_module("linear", Linear(64, 40));
    no_bias = register_module("no_bias", Linear(40, 24, false));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    return no_bias(linear(pointwise(half(conv(x))).flatten(2).transpose(1, 2)));
  }
  Conv2d conv{nullptr}, half{nullptr}, pointwise{nullptr};
  Linear linear{nullptr}, no_bias{nullptr};
};

TEST(Inference, PackedLayersAreAsNearToTheTruthAsTorchs) {
  const torch::NoGradGuard no_grad;
  for (const auto dtype : {torch::kFloat, torch::kBFloat16}) {
    Trunk trunk;
    trunk.to(dtype);  // rounds the weights
    const std::vector<torch::Tensor> inputs = {images({1, 32, 6, 10}, dtype), images({3, 32, 20, 20}, dtype)};
    std::vector<torch::Tensor> torchs, truths;
    for (const torch::Tensor& x : inputs) {
      torchs.push_back(trunk.forward(x).clone());
    }
    trunk.to(torch::kDouble);
    for (const torch::Tensor& x : inputs) {
      truths.push_back(trunk.forward(x.to(torch::kDouble)).clone());
    }
    trunk.to(dtype);
    prepare_for_inference(trunk);
    EXPECT_EQ(trunk.linear->weight.is_meta(), has_avx512(dtype));
    EXPECT_EQ(trunk.linear->weight.sizes(), (torch::IntArrayRef{40, 64}));
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      EXPECT_LT(relative(trunk.forward(inputs[i]), truths[i]), 2 * relative(torchs[i], truths[i]));
    }
    EXPECT_TRUE(trunk.conv(inputs[1]).is_contiguous(torch::MemoryFormat::ChannelsLast));
  }
}

TEST(Inference, PackedLayersRefuseGradients) {
  if (!has_avx512(torch::kFloat)) {
    GTEST_SKIP() << "no AVX-512 here";
  }
  Linear layer(8, 8);
  layer->pack();
  EXPECT_THROW(layer(torch::ones({1, 8}).requires_grad_()), c10::Error);
}

TEST(Inference, SumsAreWrittenIntoMemoryOnlyWithoutGradients) {
  const auto own = torch::ones({2});
  EXPECT_FALSE(add_to(own, own + 1).is_same(own));
  const torch::NoGradGuard no_grad;
  EXPECT_TRUE(add_to(own, own + 1).is_same(own));
  EXPECT_TRUE(torch::equal(own, torch::full({2}, 3.0F)));
}

}  // namespace
}  // namespace medisyn
