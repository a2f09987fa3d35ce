#include "medisyn/nn/flop_counter.h"

#include <ATen/autocast_mode.h>
#include <gtest/gtest.h>

#include <functional>
#include <thread>

#include "medisyn/models/unet_2d_condition.h"
#include "medisyn/nn/attention.h"
#include "medisyn/nn/cpu_attention.h"
#include "medisyn/nn/recompute.h"

namespace medisyn {
namespace {

std::int64_t flops_of(const std::function<void()>& run) {
  const FlopCounter counter;
  run();
  return counter.flops();
}

/// With a graph and without one: other kernels, the same count.
void expect_flops(std::int64_t expected, const std::function<void()>& run, const std::string& what) {
  for (const bool with_graph : {true, false}) {
    const at::AutoGradMode mode(with_graph);
    EXPECT_EQ(flops_of(run), expected) << what << (with_graph ? " with a graph" : " without a graph");
  }
}

torch::Tensor parameter(torch::IntArrayRef shape) { return torch::randn(shape).requires_grad_(); }

TEST(FlopCounter, Products) {
  const auto a = parameter({3, 4}), b = parameter({4, 5});
  const auto many_a = parameter({6, 3, 4}), many_b = parameter({6, 4, 5});
  const auto vector = parameter({4});
  constexpr std::int64_t kOne = 2 * 3 * 4 * 5;
  expect_flops(
      kOne, [&] { a.mm(b); }, "mm");
  expect_flops(
      kOne, [&] { a.matmul(b); }, "matmul");
  expect_flops(
      kOne, [&] { torch::addmm(torch::zeros({5}), a, b); }, "addmm");
  expect_flops(
      6 * kOne, [&] { many_a.bmm(many_b); }, "bmm");
  expect_flops(
      6 * kOne, [&] { many_a.matmul(b); }, "matmul, one matrix for all");
  expect_flops(
      6 * kOne,
      [&] {
        torch::baddbmm(torch::zeros({1, 3, 5}), many_a, many_b);
      },
      "baddbmm");
  expect_flops(
      6 * kOne,
      [&] {
        torch::addbmm(torch::zeros({3, 5}), many_a, many_b);
      },
      "addbmm");
  expect_flops(
      6 * kOne,
      [&] {
        torch::einsum("bij,bjk->bik", {many_a, many_b});
      },
      "einsum");
  expect_flops(
      2 * 3 * 4, [&] { a.matmul(vector); }, "matrix and vector");
  expect_flops(
      2 * 4, [&] { vector.dot(vector); }, "vectors");
}

TEST(FlopCounter, LinearLayers) {
  constexpr std::int64_t kOne = 2 * 5 * 7;
  for (const auto dtype : {torch::kFloat, torch::kBFloat16}) {
    for (const bool has_bias : {true, false}) {
      Linear layer(5, 7, has_bias);
      layer->to(dtype);
      const auto options = torch::TensorOptions(dtype);
      expect_flops(
          3 * kOne,
          [&] {
            layer(torch::ones({3, 5}, options));
          },
          "[3, 5]");
      expect_flops(
          6 * kOne,
          [&] {
            layer(torch::ones({2, 3, 5}, options));
          },
          "[2, 3, 5]");
      expect_flops(
          6 * kOne,
          [&] {
            layer(torch::ones({2, 5, 3}, options).transpose(1, 2));
          },
          "in columns");
      layer->pack();
      const torch::NoGradGuard no_grad;
      EXPECT_EQ(flops_of([&] { layer(torch::ones({2, 3, 5}, options)); }), 6 * kOne) << "packed";
    }
  }
}

TEST(FlopCounter, Convolutions) {
  const auto x = parameter({2, 6, 9, 8});
  // [B, out, H', W'] elements, each a sum over in * kernel^2.
  constexpr std::int64_t kSame = 2 * (2 * 10 * 9 * 8) * (6 * 3 * 3),
                         kStride = 2 * (2 * 10 * 5 * 4) * (6 * 3 * 3), kPointwise = 2 * (2 * 10 * 9 * 8) * 6;
  const std::pair<ConvShape, std::int64_t> layers[] = {
      {{.in = 6, .out = 10}, kSame},
      {{.in = 6, .out = 10, .stride = 2}, kStride},
      {{.in = 6, .out = 10, .kernel = 1, .padding = 0}, kPointwise}};
  for (const auto& [shape, expected] : layers) {
    Conv2d layer(shape);
    expect_flops(
        expected, [&] { layer(x); }, "a layer");
    layer->pack();
    const torch::NoGradGuard no_grad;
    EXPECT_EQ(flops_of([&] { layer(x); }), expected) << "packed";
  }
  const auto weight = parameter({10, 3, 3, 3});
  expect_flops(
      2 * (2 * 10 * 4 * 8) * (3 * 3 * 3),
      [&] {
        torch::conv2d(x, weight, {}, {2, 1}, {1, 2}, {2, 2}, 2);
      },
      "two groups, rows and columns apart: H' = (9 + 2 - 5) / 2 + 1, W' = 8 + 4 - 5 + 1");
  expect_flops(
      kSame,
      [&] {
        torch::conv2d(x, parameter({10, 6, 3, 3}), {}, 1, "same");
      },
      "padded by name");
  expect_flops(
      2 * (2 * 6 * 9 * 8) * (10 * 4 * 4),
      [&] {
        torch::conv_transpose2d(x, parameter({6, 10, 4, 4}), {}, 2, 1);
      },
      "transposed");
  expect_flops(
      2 * (2 * 6 * 9 * 8) * (5 * 4 * 4),
      [&] {
        torch::conv_transpose2d(x, parameter({6, 5, 4, 4}), {}, 2, 1, 0, 2);
      },
      "transposed, two groups");
}

TEST(FlopCounter, AttentionByWhateverKernel) {
  constexpr std::int64_t kB = 2, kQueries = 9, kKeys = 7, kWidth = 24, kHeads = 3;
  constexpr std::int64_t kExpected = 4 * kB * kQueries * kKeys * kWidth;
  for (const auto dtype : {torch::kFloat, torch::kBFloat16}) {
    const auto q = torch::randn({kB, kQueries, kWidth}, dtype).requires_grad_();
    const auto k = torch::randn({kB, kKeys, kWidth}, dtype), v = torch::randn({kB, kKeys, kWidth}, dtype);
    const std::string name = torch::toString(dtype);
    expect_flops(
        kExpected, [&] { attend(q, k, v, kHeads); }, name);
    expect_flops(
        kExpected, [&] { attend(q, k, v, kHeads, {.upcast = true}); }, name + " upcast");
    expect_flops(
        kExpected, [&] { attend(q, k, v, kHeads, {.is_causal = true}); }, name + " causal");
    const auto mask = torch::ones({kB, 1, kQueries, kKeys}, torch::kBool);
    expect_flops(
        kExpected, [&] { attend(q, k, v, kHeads, {.mask = mask}); }, name + " masked");
  }
  const torch::NoGradGuard no_grad;
  const auto x = torch::randn({kB, kQueries, kWidth});
  if (cpu_attention_fits(x, x, x, 2)) {
    EXPECT_EQ(flops_of([&] { cpu_attention(x, x, x, kHeads); }), 4 * kB * kQueries * kQueries * kWidth);
  }
}

TEST(FlopCounter, NothingElse) {
  const auto x = parameter({2, 8, 4, 4});
  expect_flops(
      0, [&] { torch::silu(torch::group_norm(x, 2) * 2 + x).sum(); }, "elementwise and norms");
  const auto weight = parameter({3, 8});
  const auto y = torch::linear(parameter({5, 8}), weight).sum();
  EXPECT_EQ(flops_of([&] { y.backward(); }), 0) << "a backward pass";
  EXPECT_TRUE(weight.grad().defined());
  EXPECT_EQ(flops_of([&] { std::thread([&] { weight.mm(weight.t()); }).join(); }), 0) << "another thread";
}

TEST(FlopCounter, EachPassOfATrainingStepCountsOnce) {
  Conv2d conv(ConvShape{.in = 4, .out = 4});
  Linear linear(4, 4);
  const Block block = [&](const torch::Tensor& x, const torch::Tensor&) {
    return linear(conv(x).permute({0, 2, 3, 1})).permute({0, 3, 1, 2});
  };
  constexpr std::int64_t kExpected = 2 * 2 * 25 * 4 * (4 * 9) + 2 * 2 * 25 * 4 * 4;
  const auto x = torch::randn({2, 4, 5, 5});
  for (const bool autocast : {false, true}) {
    for (const bool again : {false, true}) {
      at::autocast::set_autocast_enabled(torch::kCPU, autocast);
      at::autocast::set_autocast_dtype(torch::kCPU, torch::kBFloat16);
      std::optional<RecomputeBlocks> scope;
      if (again) {
        scope.emplace();
      }
      EXPECT_EQ(flops_of([&] { recomputed(block, x, x).sum().backward(); }), kExpected)
          << "bf16 " << autocast << ", recomputed " << again;
    }
  }
  at::autocast::clear_cache();
  at::autocast::set_autocast_enabled(torch::kCPU, false);
}

TEST(FlopCounter, CountersNest) {
  const auto a = torch::ones({2, 2});
  const FlopCounter outer;
  a.mm(a);
  {
    const FlopCounter inner;
    a.mm(a);
    a.mm(a);
    EXPECT_EQ(inner.flops(), 2 * 16);
  }
  a.mm(a);
  EXPECT_EQ(outer.flops(), 4 * 16);
}

/// What a U-Net of SD's kind costs, layer by layer from its config, as diffusers builds it; one image.
class UNetFormula {
 public:
  UNetFormula(const UNet2DConditionConfig& config, std::int64_t side, std::int64_t tokens)
      : config_(config), side_(side), tokens_(tokens) {
    const auto& widths = config.block_out_channels;
    const std::int64_t time = 4 * widths[0];
    linear(widths[0], time, 1);
    linear(time, time, 1);
    conv(config.in_channels, widths[0], 3);
    std::vector<std::int64_t> skips = {widths[0]};
    std::int64_t hidden = widths[0];
    for (std::size_t i = 0; i < widths.size(); ++i) {
      for (std::int64_t layer = 0; layer < config.layers_per_block[0]; ++layer) {
        level(hidden, widths[i], config.down_block_types[i] == "CrossAttnDownBlock2D");
        skips.push_back(hidden = widths[i]);
      }
      if (i + 1 < widths.size()) {
        side_ /= 2;
        conv(hidden, hidden, 3);
        skips.push_back(hidden);
      }
    }
    level(hidden, hidden, true);
    level(hidden, hidden, false);
    for (std::size_t i = widths.size(); i-- > 0;) {
      for (std::int64_t layer = 0; layer <= config.layers_per_block[0]; ++layer) {
        level(hidden + skips.back(), widths[i],
              config.up_block_types[widths.size() - 1 - i] == "CrossAttnUpBlock2D");
        skips.pop_back();
        hidden = widths[i];
      }
      if (i > 0) {
        side_ *= 2;
        conv(hidden, hidden, 3);
      }
    }
    conv(hidden, config.out_channels, 3);
  }

  std::int64_t flops() const { return 2 * multiply_adds_; }

 private:
  void linear(std::int64_t in, std::int64_t out, std::int64_t rows) { multiply_adds_ += in * out * rows; }

  void conv(std::int64_t in, std::int64_t out, std::int64_t kernel) {
    linear(in * kernel * kernel, out, side_ * side_);
  }

  /// A resnet block, and a transformer where there is one.
  void level(std::int64_t in, std::int64_t out, bool has_attention) {
    conv(in, out, 3);
    linear(4 * config_.block_out_channels[0], out, 1);
    conv(out, out, 3);
    if (in != out) {
      conv(in, out, 1);
    }
    if (has_attention) {
      transformer(out, side_ * side_);
    }
  }

  void transformer(std::int64_t width, std::int64_t pixels) {
    linear(width, width, 2 * pixels);                            // proj_in, proj_out
    linear(width, width, 4 * pixels);                            // attn1
    multiply_adds_ += 2 * pixels * pixels * width;               // its scores and mixing
    linear(width, width, 2 * pixels);                            // attn2: to_q, to_out
    linear(config_.cross_attention_dim[0], 2 * width, tokens_);  // to_k, to_v
    multiply_adds_ += 2 * pixels * tokens_ * width;              // its scores and mixing
    linear(width, 8 * width, pixels);                            // ff, GEGLU
    linear(4 * width, width, pixels);
  }

  const UNet2DConditionConfig& config_;
  std::int64_t side_;  ///< of the latent, at this level
  std::int64_t tokens_;
  std::int64_t multiply_adds_ = 0;
};

// The numbers by diffusers below are what torch.utils.flop_counter.FlopCounterMode (torch 2.15) says of
// diffusers 0.42's UNet2DConditionModel of the same configs.
TEST(FlopCounter, SmallUNet) {
  constexpr std::int64_t kByDiffusers = 5'431'296;
  UNet2DConditionConfig config;
  config.block_out_channels = {8, 16};
  config.norm_num_groups = 4;
  config.attention_head_dim = {2};
  config.layers_per_block = {1};
  config.cross_attention_dim = {12};
  config.down_block_types = {"DownBlock2D", "CrossAttnDownBlock2D"};
  config.up_block_types = {"CrossAttnUpBlock2D", "UpBlock2D"};
  EXPECT_EQ(2 * UNetFormula(config, 8, 7).flops(), kByDiffusers);
  UNet2DConditionModel model(config);
  const auto forward = [&] {
    model(torch::randn({2, 4, 8, 8}), torch::tensor({1, 500}), torch::randn({2, 7, 12}));
  };
  expect_flops(kByDiffusers, forward, "plain weights");
  model->eval();
  prepare_for_inference(*model);
  const torch::NoGradGuard no_grad;
  EXPECT_EQ(flops_of(forward), kByDiffusers) << "packed weights";
}

TEST(FlopCounter, StableDiffusion14) {
  constexpr std::int64_t kByDiffusersAt512Pixels = 803'273'441'280, kByDiffusersAt64Pixels = 13'627'852'800;
  UNet2DConditionConfig config;
  config.cross_attention_dim = {768};
  EXPECT_EQ(UNetFormula(config, 64, 77).flops(), kByDiffusersAt512Pixels);
  EXPECT_EQ(UNetFormula(config, 8, 77).flops(), kByDiffusersAt64Pixels);
  const UninitialisedParameters guard;
  UNet2DConditionModel model(config);
  expect_flops(
      kByDiffusersAt64Pixels,
      [&] {
        model(torch::zeros({1, 4, 8, 8}), torch::tensor({1}), torch::zeros({1, 77, 768}));
      },
      "SD 1.4");
}

}  // namespace
}  // namespace medisyn
