#include "medisyn/nn/batch_norm.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>
#include <torch/torch.h>

#include <string>
#include <vector>

namespace medisyn {
namespace {

constexpr auto kChannelsLast = torch::MemoryFormat::ChannelsLast;

struct Case {
  std::vector<std::int64_t> shape;
  Activation activation;
  bool has_residual;
};

// Channels that fill vectors and that do not, one pixel and many, more channels than a block holds.
const std::vector<Case> kCases = {
    {{2, 16, 5, 7}, Activation::kRelu, false},  {{3, 24, 6, 6}, Activation::kRelu6, true},
    {{4, 64, 33, 31}, Activation::kRelu, true}, {{2, 5, 3, 3}, Activation::kNone, true},
    {{8, 40, 1, 1}, Activation::kNone, false},  {{2, 8192, 2, 3}, Activation::kRelu, true}};

torch::nn::BatchNorm2d make_norm(std::int64_t channels) {
  torch::manual_seed(2);
  torch::nn::BatchNorm2d norm(torch::nn::BatchNorm2dOptions(channels).eps(1e-3).momentum(0.3));
  const torch::NoGradGuard no_grad;
  norm->weight.uniform_(0.5, 1.5);
  norm->bias.uniform_(-0.5, 0.5);
  norm->running_mean.uniform_(-1, 1);
  norm->running_var.uniform_(0.5, 2);
  return norm;
}

/// What a norm gives for some input: output, gradients of x, weight, bias and residual, running moments.
using Results = std::vector<std::pair<std::string, torch::Tensor>>;

struct Inputs {
  torch::Tensor x, residual, gradient;  // channels-last, fp32, numbers that bf16 holds
};

Inputs inputs_of(const Case& one) {
  torch::manual_seed(1);
  const auto drawn = [&](double shift) {
    return (torch::randn(one.shape) * 3 + shift)
        .to(torch::kBFloat16)
        .to(torch::kFloat)
        .contiguous(kChannelsLast);
  };
  return {drawn(4), one.has_residual ? drawn(0) : torch::Tensor(), drawn(0)};
}

/// In the dtype; the truth in fp64, of torch's own functions.
Results results_of(const Case& one, torch::ScalarType dtype, bool is_training = true) {
  const Inputs inputs = inputs_of(one);
  const bool is_truth = dtype == torch::kDouble;
  torch::nn::BatchNorm2d norm = make_norm(one.shape[1]);
  norm->to(is_truth ? torch::kDouble : torch::kFloat);
  norm->train(is_training);
  std::vector<torch::Tensor> leaves = {inputs.x.to(dtype).detach().requires_grad_(), norm->weight,
                                       norm->bias};
  if (one.has_residual) {
    leaves.push_back(inputs.residual.to(dtype).detach().requires_grad_());
  }
  const torch::Tensor residual = one.has_residual ? leaves.back() : torch::Tensor();
  torch::Tensor out;
  if (is_truth) {
    out = norm->forward(leaves[0]);
    out = activate(one.has_residual ? out + residual : out, one.activation);
  } else {
    out = batch_norm(*norm, leaves[0], one.activation, residual);
  }
  const auto gradients = torch::autograd::grad({out}, leaves, {inputs.gradient.to(dtype)});
  Results results = {{"output", out.detach()}};
  const char* names[] = {"x", "weight", "bias", "residual"};
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    results.emplace_back(names[i], gradients[i]);
  }
  results.emplace_back("running_mean", norm->running_mean);
  results.emplace_back("running_var", norm->running_var);
  return results;
}

void expect_near(const Results& found, const Results& truth, double bound) {
  ASSERT_EQ(found.size(), truth.size());
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const torch::Tensor& expected = truth[i].second;
    const double apart = (found[i].second.to(torch::kDouble) - expected).norm().item<double>();
    EXPECT_LT(apart, bound * expected.norm().item<double>()) << truth[i].first << " " << expected.sizes();
  }
}

TEST(BatchNorm, OutputGradientsAndRunningMomentsOfTorch) {
  for (const Case& one : kCases) {
    expect_near(results_of(one, torch::kFloat), results_of(one, torch::kDouble), 2e-6);
  }
}

TEST(BatchNorm, Bf16ErrsByItsRounding) {
  for (const Case& one : kCases) {
    expect_near(results_of(one, torch::kBFloat16), results_of(one, torch::kDouble), 1e-2);
  }
}

TEST(BatchNorm, InEvalModeTheRunningMomentsCount) {
  for (const Case& one : kCases) {
    expect_near(results_of(one, torch::kFloat, false), results_of(one, torch::kDouble, false), 2e-6);
  }
}

TEST(BatchNorm, ContiguousImagesGiveTheSame) {
  torch::nn::BatchNorm2d norm = make_norm(32);
  const torch::Tensor x = torch::randn({4, 32, 9, 9});
  const torch::Tensor plain = batch_norm(*norm, x, Activation::kRelu);
  const torch::Tensor moved = norm->running_var.clone();
  norm = make_norm(32);
  const torch::Tensor last = batch_norm(*norm, x.contiguous(kChannelsLast), Activation::kRelu);
  EXPECT_LT((plain - last).abs().max().item<double>(), 1e-5);
  EXPECT_LT((moved - norm->running_var).abs().max().item<double>(), 1e-6);
  EXPECT_EQ(norm->num_batches_tracked.item<std::int64_t>(), 1);
}

TEST(BatchNorm, DoesNotDependOnThreads) {
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const Results alone = results_of(kCases[2], torch::kFloat);
  at::set_num_threads(4);
  const Results shared = results_of(kCases[2], torch::kFloat);
  at::set_num_threads(threads);
  for (std::size_t i = 0; i < alone.size(); ++i) {
    EXPECT_TRUE(alone[i].second.equal(shared[i].second)) << alone[i].first;
  }
}

TEST(BatchNorm, NanStaysToBeSeen) {
  torch::nn::BatchNorm2d norm = make_norm(16);
  torch::Tensor x = torch::randn({2, 16, 4, 4}).contiguous(kChannelsLast);
  x[0][3][1][1] = std::nan("");
  const torch::Tensor out = batch_norm(*norm, x, Activation::kRelu);
  EXPECT_TRUE(out.select(1, 3).isnan().all().item<bool>());
  EXPECT_FALSE(out.select(1, 2).isnan().any().item<bool>());
}

TEST(Activate, IsInPlaceOnlyWithoutGradients) {
  const torch::Tensor x = torch::tensor({-1.0F, 3.0F, 8.0F});
  const torch::Tensor learned = x.clone().requires_grad_();
  EXPECT_TRUE(activate(learned, Activation::kRelu6).equal(torch::tensor({0.0F, 3.0F, 6.0F})));
  EXPECT_EQ(learned[2].item<float>(), 8);
  EXPECT_TRUE(activate(x, Activation::kNone).is_same(x));
  activate(x, Activation::kRelu);
  EXPECT_EQ(x[0].item<float>(), 0);
}

}  // namespace
}  // namespace medisyn
