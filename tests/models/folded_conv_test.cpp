#include "medisyn/models/folded_conv.h"

#include <gtest/gtest.h>

#include "golden.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/inception_v3.h"
#include "medisyn/models/resnet_50.h"

namespace medisyn {
namespace {

struct Geometry {
  std::int64_t in, out;
  std::array<std::int64_t, 2> kernel, padding;
  std::int64_t stride = 1, groups = 1;
};

double relative_difference(const torch::Tensor& found, const torch::Tensor& expected) {
  return ((found - expected).abs().max() / expected.abs().max()).item<double>();
}

/// Random weights, and statistics as a training leaves them.
NormedConv random_layer(const Geometry& geometry) {
  torch::nn::Conv2d conv(
      torch::nn::Conv2dOptions(geometry.in, geometry.out, {geometry.kernel[0], geometry.kernel[1]})
          .stride(geometry.stride)
          .padding({geometry.padding[0], geometry.padding[1]})
          .groups(geometry.groups)
          .bias(false));
  torch::nn::BatchNorm2d norm(geometry.out);
  const torch::NoGradGuard no_grad;
  norm->weight.uniform_(0.5, 1.5);
  norm->bias.normal_();
  norm->running_mean.normal_();
  norm->running_var.uniform_(0.2, 2);
  norm->eval();
  return {conv, norm};
}

class Folding : public testing::TestWithParam<Geometry> {};

TEST_P(Folding, ChangesRoundingAlone) {
  const torch::InferenceMode inference;
  torch::manual_seed(1);
  NormedConv layer = random_layer(GetParam());
  const torch::Tensor images =
      torch::randn({3, GetParam().in, 13, 11}).contiguous(torch::MemoryFormat::ChannelsLast);
  const torch::Tensor expected = layer.forward(images);
  layer.fold();
  const torch::Tensor found = layer.forward(images);
  ASSERT_EQ(found.sizes(), expected.sizes());
  EXPECT_LT(relative_difference(found, expected), 3e-6);
  EXPECT_LT(relative_difference(layer.forward(images.contiguous()), expected), 3e-6);
}
INSTANTIATE_TEST_SUITE_P(Geometries, Folding,
                         testing::Values(Geometry{20, 24, {1, 1}, {0, 0}}, Geometry{32, 48, {3, 3}, {1, 1}},
                                         Geometry{32, 48, {3, 3}, {0, 0}}, Geometry{3, 32, {3, 3}, {0, 0}, 2},
                                         Geometry{24, 17, {3, 3}, {0, 0}, 2},
                                         Geometry{24, 40, {5, 5}, {2, 2}}, Geometry{32, 48, {1, 7}, {0, 3}},
                                         Geometry{32, 48, {7, 1}, {3, 0}},
                                         Geometry{20, 20, {3, 3}, {1, 1}, 2, 20},
                                         Geometry{3, 64, {7, 7}, {3, 3}, 2}));

TEST(Folding, SideBySideGivesBothOutputs) {
  const torch::InferenceMode inference;
  torch::manual_seed(2);
  const NormedConv first = random_layer({16, 5, {1, 1}, {0, 0}});
  const NormedConv second = random_layer({16, 40, {1, 1}, {0, 0}});
  const torch::Tensor images = torch::randn({2, 16, 4, 5});
  const torch::Tensor expected = torch::cat({first.forward(images), second.forward(images)}, 1);
  const FoldedConv both(side_by_side({first.weights(), second.weights()}));
  EXPECT_LT(relative_difference(both.forward(images), expected), 3e-6);
}

/// Statistics of batch norms that keep a deep network's values in bounds.
void set_statistics(torch::nn::Module& model) {
  const torch::NoGradGuard no_grad;
  for (auto& buffer : model.named_buffers()) {
    if (buffer.key().ends_with("running_mean")) {
      buffer.value().copy_(wave(buffer.value().sizes(), 0.2) * 0.1);
    } else if (buffer.key().ends_with("running_var")) {
      buffer.value().copy_(wave(buffer.value().sizes(), 0.9) * 0.3 + 0.8);
    }
  }
}

template <class Model>
void expect_same_features(std::int64_t pixels) {
  const torch::InferenceMode inference;
  Model model;
  model->eval();
  fill(*model);
  set_statistics(*model);
  const torch::Tensor images = wave({2, 3, pixels, pixels}, 0.3);
  const torch::Tensor expected = model->features(images);
  model->fold();
  EXPECT_LT(relative_difference(model->features(images), expected), 1e-5);
}

TEST(Folding, OfTheExtractorsNetworksKeepsTheirFeatures) {
  expect_same_features<InceptionV3>(107);
  expect_same_features<EfficientNetLite0>(64);
  expect_same_features<ResNet50>(64);
}

}  // namespace
}  // namespace medisyn
