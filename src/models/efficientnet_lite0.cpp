#include "medisyn/models/efficientnet_lite0.h"

#include <algorithm>
#include <array>
#include <string>

namespace medisyn {
namespace {

constexpr double kBatchNormEps = 1e-3;
constexpr double kBatchNormMomentum = 0.01;
constexpr double kDropout = 0.2;

/// Rows and columns that TensorFlow's "same" padding adds in all: the output has ceil(size / stride).
std::int64_t same_padding(std::int64_t size, std::int64_t kernel, std::int64_t stride) {
  const std::int64_t out = (size + stride - 1) / stride;
  return std::max<std::int64_t>((out - 1) * stride + kernel - size, 0);
}

/// The input padded for a convolution as TensorFlow does, the odd row below and the odd column at the right.
torch::Tensor padded(const torch::nn::Conv2dImpl& conv, const torch::Tensor& input) {
  const std::int64_t kernel = conv.options.kernel_size()->at(0);
  const std::int64_t stride = conv.options.stride()->at(0);
  const std::int64_t rows = same_padding(input.size(2), kernel, stride);
  const std::int64_t columns = same_padding(input.size(3), kernel, stride);
  if (rows == 0 && columns == 0) {
    return input;
  }
  return torch::constant_pad_nd(input, {columns / 2, columns - columns / 2, rows / 2, rows - rows / 2});
}

torch::Tensor convolve(const NormedConv& layer, const torch::Tensor& input,
                       Activation activation = Activation::kRelu6, const torch::Tensor& residual = {}) {
  return layer.forward(padded(layer.conv(), input), activation, residual);
}

torch::nn::Conv2d make_conv(std::int64_t in, std::int64_t out, std::int64_t kernel, std::int64_t stride = 1,
                            std::int64_t groups = 1) {
  return torch::nn::Conv2d(
      torch::nn::Conv2dOptions(in, out, kernel).stride(stride).groups(groups).bias(false));
}

torch::nn::BatchNorm2d make_norm(std::int64_t channels) {
  return torch::nn::BatchNorm2d(
      torch::nn::BatchNorm2dOptions(channels).eps(kBatchNormEps).momentum(kBatchNormMomentum));
}

struct BlockShape {
  std::int64_t repeats;
  std::int64_t kernel;
  std::int64_t stride;  ///< of the first of the repeats
  std::int64_t expansion;
  std::int64_t out;
};

// Tan & Le, table 1, width and depth multiplier 1.
constexpr std::array<BlockShape, 7> kBlocks = {{{1, 3, 1, 1, 16},
                                                {2, 3, 2, 6, 24},
                                                {2, 5, 2, 6, 40},
                                                {3, 3, 2, 6, 80},
                                                {3, 5, 1, 6, 112},
                                                {4, 5, 2, 6, 192},
                                                {1, 3, 1, 6, 320}}};
constexpr std::int64_t kStemChannels = 32;

///   x ─┬─ expand 1x1 ─ depthwise ─ project 1x1 ─ + ─ y        added where sizes and channels are the same
///      └────────────────────────────────────────┘
class InvertedResidualImpl : public torch::nn::Module {
 public:
  InvertedResidualImpl(std::int64_t in, const BlockShape& shape, std::int64_t stride)
      : has_skip_(stride == 1 && in == shape.out) {
    const std::int64_t inside = in * shape.expansion;
    if (shape.expansion != 1) {
      expand_ = add("_expand_conv", "_bn0", make_conv(in, inside, 1));
    }
    depthwise_ = add("_depthwise_conv", "_bn1", make_conv(inside, inside, shape.kernel, stride, inside));
    project_ = add("_project_conv", "_bn2", make_conv(inside, shape.out, 1));
  }

  torch::Tensor forward(const torch::Tensor& input) {
    torch::Tensor hidden = input;
    if (expand_.defined()) {
      hidden = convolve(expand_, hidden);
    }
    hidden = convolve(depthwise_, hidden);
    return convolve(project_, hidden, Activation::kNone, has_skip_ ? input : torch::Tensor());
  }

  void fold() {
    for (NormedConv* layer : {&expand_, &depthwise_, &project_}) {
      layer->fold();
    }
  }

 private:
  NormedConv add(const std::string& conv_name, const std::string& norm_name, const torch::nn::Conv2d& conv) {
    const auto norm = make_norm(conv->options.out_channels());
    return {register_module(conv_name, conv), register_module(norm_name, norm)};
  }

  bool has_skip_;
  NormedConv expand_;
  NormedConv depthwise_;
  NormedConv project_;
};
TORCH_MODULE(InvertedResidual);

}  // namespace

EfficientNetLite0Impl::EfficientNetLite0Impl(std::int64_t classes)
    : stem_{register_module("_conv_stem", make_conv(3, kStemChannels, 3, 2)),
            register_module("_bn0", make_norm(kStemChannels))} {
  register_module("_blocks", blocks_);
  std::int64_t channels = kStemChannels;
  for (const BlockShape& shape : kBlocks) {
    for (std::int64_t repeat = 0; repeat < shape.repeats; ++repeat) {
      blocks_->push_back(InvertedResidual(channels, shape, repeat == 0 ? shape.stride : 1));
      channels = shape.out;
    }
  }
  const auto head = register_module("_conv_head", make_conv(channels, kFeatures, 1));
  head_ = NormedConv(head, register_module("_bn1", make_norm(kFeatures)));
  dropout_ = register_module("_dropout", torch::nn::Dropout(kDropout));
  fc_ = register_module("_fc", torch::nn::Linear(kFeatures, classes));
}

torch::Tensor EfficientNetLite0Impl::features(const torch::Tensor& images) {
  torch::Tensor hidden = convolve(stem_, images);
  for (const auto& block : *blocks_) {
    hidden = block->as<InvertedResidual>()->forward(hidden);
  }
  hidden = convolve(head_, hidden);
  return hidden.mean({2, 3});
}

void EfficientNetLite0Impl::fold() {
  stem_.fold();
  head_.fold();
  for (const auto& block : *blocks_) {
    block->as<InvertedResidual>()->fold();
  }
}

torch::Tensor EfficientNetLite0Impl::forward(const torch::Tensor& images) {
  return fc_(dropout_(features(images)));
}

torch::Tensor EfficientNetLite0Impl::normalise(const torch::Tensor& images) {
  return (images * 255 - 127) / 128;
}

}  // namespace medisyn
