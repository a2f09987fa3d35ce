#include "medisyn/nn/trained_linear.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

namespace medisyn {
namespace {

torch::Tensor fp32_weight(std::int64_t out, std::int64_t in) {
  return torch::randn({out, in}).div_(std::sqrt(static_cast<double>(in))).requires_grad_();
}

bool has_kernels() { return trained_linear_fits(torch::randn({16, 16}), fp32_weight(16, 16)); }

struct Shape {
  std::vector<std::int64_t> input;
  std::int64_t out;
};

/// The output and the gradients of input, weight and (when there is one) bias.
std::vector<torch::Tensor> results(const auto& linear, std::vector<torch::Tensor> arguments,
                                   const torch::Tensor& weights) {
  for (torch::Tensor& argument : arguments) {
    argument = argument.to(weights.scalar_type()).detach().requires_grad_();
  }
  const torch::Tensor bias = arguments.size() > 2 ? arguments[2] : torch::Tensor();
  const torch::Tensor out = linear(arguments[0], arguments[1], bias);
  std::vector<torch::Tensor> found = torch::autograd::grad({(out * weights).sum()}, arguments);
  found.push_back(out.detach());
  return found;
}

TEST(TrainedLinear, OutputAndGradientsOfTorch) {
  if (!has_kernels()) {
    GTEST_SKIP() << "no AVX-512 here";
  }
  torch::manual_seed(1);
  // Fewer and more rows than outputs, not a multiple of 6 or 16, panels of every width, a depth in two parts.
  const std::vector<Shape> shapes = {{{16, 16}, 16},    {{2, 77, 48}, 80}, {{97, 112}, 144},
                                     {{3, 16, 32}, 64}, {{32, 640}, 256},  {{1100, 64}, 32}};
  for (const Shape& shape : shapes) {
    for (const bool has_bias : {true, false}) {
      std::vector<torch::Tensor> arguments = {torch::randn(shape.input),
                                              fp32_weight(shape.out, shape.input.back())};
      if (has_bias) {
        arguments.push_back(torch::randn({shape.out}));
      }
      std::vector<std::int64_t> out_shape = shape.input;
      out_shape.back() = shape.out;
      const torch::Tensor weights = torch::randn(out_shape);
      const auto truth = results(torch::linear, arguments, weights.to(torch::kDouble));
      const auto found = results(trained_linear, arguments, weights);
      for (std::size_t i = 0; i < truth.size(); ++i) {
        EXPECT_EQ(found[i].sizes(), truth[i].sizes());
        EXPECT_LT((found[i] - truth[i]).norm().item<double>(), 1e-6 * truth[i].norm().item<double>())
            << out_shape << ", result " << i;
      }
    }
  }
}

TEST(TrainedLinear, ReadsThroughStrides) {
  if (!has_kernels()) {
    GTEST_SKIP() << "no AVX-512 here";
  }
  const torch::Tensor weight = fp32_weight(32, 48);
  const torch::Tensor images = torch::randn({2, 48, 5, 7});
  const torch::Tensor pixels = images.flatten(2).transpose(1, 2);  // [2, 35, 48]
  const torch::Tensor out = trained_linear(pixels, weight, {});
  EXPECT_LT((out - torch::linear(pixels, weight)).abs().max().item<double>(), 1e-5);
  const torch::Tensor turned = torch::randn({32, 70}).t().view({2, 35, 32});
  const auto gradient = torch::autograd::grad({(out * turned).sum()}, {weight})[0];
  const auto expected = torch::autograd::grad({(torch::linear(pixels, weight) * turned).sum()}, {weight})[0];
  EXPECT_LT((gradient - expected).abs().max().item<double>(), 1e-4);
}

TEST(TrainedLinear, LeavesTheRestToTorch) {
  const torch::Tensor x = torch::randn({16, 16});
  EXPECT_FALSE(trained_linear_fits(x.narrow(0, 0, 15), fp32_weight(16, 16)));
  EXPECT_FALSE(trained_linear_fits(torch::randn({16, 24}), fp32_weight(16, 24)));
  EXPECT_FALSE(trained_linear_fits(x, fp32_weight(24, 16)));
  EXPECT_FALSE(trained_linear_fits(x.to(torch::kDouble), fp32_weight(16, 16)));
  EXPECT_FALSE(trained_linear_fits(x, fp32_weight(16, 16).detach()));
  at::autocast::set_autocast_enabled(at::kCPU, true);
  EXPECT_FALSE(trained_linear_fits(x, fp32_weight(16, 16)));
  at::autocast::set_autocast_enabled(at::kCPU, false);
}

}  // namespace
}  // namespace medisyn
