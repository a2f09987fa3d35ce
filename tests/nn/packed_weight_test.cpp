// Products with packed weights beside torch's own in fp64.
#include "medisyn/nn/packed_weight.h"

#include <ATen/Parallel.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <torch/types.h>

namespace medisyn {
namespace {

using Size = std::int64_t;

struct Case {
  Size in, out, kernel, stride, padding;
  std::vector<Size> images;  ///< B, H, W
  bool has_bias = true;
};

/// Every path: whole and partial panels, rows that are left over, odd heights and widths, images of one
/// pixel, Winograd's method and the definition.
const std::vector<Case> kCases = {{16, 16, 3, 1, 1, {1, 4, 4}},        {32, 80, 3, 1, 1, {2, 7, 5}},
                                  {48, 64, 3, 1, 1, {1, 1, 1}, false}, {16, 208, 3, 1, 1, {3, 9, 32}},
                                  {320, 320, 3, 1, 1, {2, 64, 64}},  // tiles in several parts
                                  {4, 32, 3, 1, 1, {2, 6, 6}},         {32, 4, 3, 1, 1, {2, 6, 6}},
                                  {32, 64, 3, 2, 1, {2, 7, 8}},        {32, 64, 3, 2, 0, {1, 9, 8}, false},
                                  {2, 3, 5, 1, 2, {1, 8, 8}},          {64, 48, 1, 1, 0, {2, 5, 3}},
                                  {6, 130, 1, 2, 0, {1, 5, 5}},        {16, 24, 14, 14, 0, {2, 28, 28}}};

struct Problem {
  torch::Tensor input, weight, bias, truth;
};

Problem problem(const Case& one, torch::ScalarType dtype) {
  torch::manual_seed(3);
  Problem p;
  p.input = torch::randn({one.images[0], one.in, one.images[1], one.images[2]}).to(dtype);
  p.weight = (torch::randn({one.out, one.in, one.kernel, one.kernel}) /
              std::sqrt(static_cast<double>(one.in * one.kernel * one.kernel)))
                 .to(dtype);
  if (one.has_bias) {
    p.bias = torch::randn({one.out}).to(dtype);
  }
  p.truth =
      torch::conv2d(p.input.to(torch::kDouble), p.weight.to(torch::kDouble),
                    p.bias.defined() ? p.bias.to(torch::kDouble) : torch::Tensor(), one.stride, one.padding);
  return p;
}

double error(const torch::Tensor& found, const torch::Tensor& truth) {
  return ((found.to(torch::kDouble) - truth).abs().max() / truth.abs().max()).item<double>();
}

class Packed : public testing::TestWithParam<torch::ScalarType> {
 protected:
  void SetUp() override {
    if (!packing_fits(torch::ones({2, 2}, GetParam()))) {
      GTEST_SKIP() << "no such instructions here";
    }
  }
  // bf16: the result's own rounding is 2^-9
  double bound() const { return GetParam() == torch::kFloat ? 2e-6 : 6e-3; }
};

TEST_P(Packed, ConvolutionsAreTorchs) {
  for (const Case& one : kCases) {
    const Problem p = problem(one, GetParam());
    const PackedWeight packed = pack_conv2d(p.weight, one.stride, one.padding);
    for (const auto format : {torch::MemoryFormat::ChannelsLast, torch::MemoryFormat::Contiguous}) {
      const torch::Tensor found = packed_conv2d(p.input.contiguous(format), packed, p.bias);
      ASSERT_EQ(found.sizes(), p.truth.sizes());
      EXPECT_LT(error(found, p.truth), bound())
          << fmt::format("{} -> {}, kernel {}", one.in, one.out, one.kernel);
      EXPECT_TRUE(found.is_contiguous(torch::MemoryFormat::ChannelsLast));
      EXPECT_EQ(found.scalar_type(), GetParam());
    }
  }
}

TEST_P(Packed, LinearLayersAreTorchs) {
  for (const auto& [rows, in, out] : std::vector<std::array<Size, 3>>{
           {1, 8, 5}, {7, 64, 64}, {77, 768, 130}, {500, 30, 16}, {1000, 320, 200}}) {
    torch::manual_seed(4);
    const auto x = torch::randn({2, rows, in}).to(GetParam());
    const auto weight = (torch::randn({out, in}) / std::sqrt(static_cast<double>(in))).to(GetParam());
    const auto bias = torch::randn({out}).to(GetParam());
    const auto truth =
        torch::linear(x.to(torch::kDouble), weight.to(torch::kDouble), bias.to(torch::kDouble));
    const auto found = packed_linear(x, pack_linear(weight), bias);
    ASSERT_EQ(found.sizes(), truth.sizes());
    EXPECT_LT(error(found, truth), bound()) << rows << " rows, " << in << " -> " << out;
    EXPECT_EQ(packed_linear(x.narrow(1, 0, 0), pack_linear(weight), bias).numel(), 0);
  }
}

TEST_P(Packed, AnImageIsTheSameInAnyBatchAndWithAnyNumberOfThreads) {
  const int threads = at::get_num_threads();
  for (const Case& one : kCases) {
    const Problem p = problem(one, GetParam());
    const PackedWeight packed = pack_conv2d(p.weight, one.stride, one.padding);
    const auto whole = packed_conv2d(p.input, packed, p.bias);
    at::set_num_threads(1);
    EXPECT_TRUE(torch::equal(packed_conv2d(p.input, packed, p.bias), whole));
    at::set_num_threads(threads);
    const Size last = one.images[0] - 1;
    EXPECT_TRUE(
        torch::equal(packed_conv2d(p.input.narrow(0, last, 1), packed, p.bias), whole.narrow(0, last, 1)));
  }
}

TEST_P(Packed, WinogradIsForNarrowFiltersOfStrideOne) {
  const auto is_winograd = [](Size in, Size out, Size kernel, Size stride, Size padding) {
    return pack_conv2d(torch::zeros({out, in, kernel, kernel}, GetParam()), stride, padding).is_winograd;
  };
  EXPECT_TRUE(is_winograd(32, 48, 3, 1, 1));
  EXPECT_FALSE(is_winograd(32, 48, 3, 2, 1));
  EXPECT_FALSE(is_winograd(32, 48, 3, 1, 0));
  EXPECT_FALSE(is_winograd(32, 48, 5, 1, 1));
  EXPECT_FALSE(is_winograd(40, 48, 3, 1, 1));
  EXPECT_FALSE(is_winograd(32, 40, 3, 1, 1));
  EXPECT_EQ(is_winograd(1280, 1280, 3, 1, 1), GetParam() != torch::kFloat);
}

TEST_P(Packed, RefusesWhatDoesNotFit) {
  const PackedWeight packed = pack_linear(torch::ones({4, 8}, GetParam()));
  EXPECT_THROW(packed_linear(torch::ones({2, 6}, GetParam()), packed, {}), c10::Error);
  EXPECT_THROW(packed_linear(torch::ones({2, 8}, torch::kDouble), packed, {}), c10::Error);
  EXPECT_THROW(packed_linear(torch::ones({2, 8}, GetParam()).requires_grad_(), packed, {}), c10::Error);
  EXPECT_EQ(packing_fits(torch::ones({4, 7}, GetParam())), GetParam() == torch::kFloat);
  EXPECT_FALSE(packing_fits(torch::ones({4, 8}, torch::kDouble)));
}

INSTANTIATE_TEST_SUITE_P(Dtypes, Packed, testing::Values(torch::kFloat, torch::kBFloat16),
                         [](const auto& one) { return std::string(c10::toString(one.param)); });

}  // namespace
}  // namespace medisyn
