#include "medisyn/models/folded_conv.h"

#include <algorithm>
#include <utility>

namespace medisyn {
namespace {

constexpr std::int64_t kLanes = 16;  // channels that Winograd's method takes together

bool is_for_winograd(const ConvWeights& conv) {
  const torch::Tensor& weight = conv.weight;
  return weight.size(2) == 3 && weight.size(3) == 3 && conv.stride == 1 &&
         conv.padding[0] == conv.padding[1] && conv.padding[0] <= 1 && weight.size(0) % kLanes == 0 &&
         weight.size(1) % kLanes == 0;
}

}  // namespace

ConvWeights fold(const torch::nn::Conv2dImpl& conv, const torch::nn::BatchNorm2dImpl& norm) {
  TORCH_CHECK(
      !conv.bias.defined() && std::holds_alternative<torch::ExpandingArray<2>>(conv.options.padding()),
      "a convolution without bias and with numbers for its padding");
  const torch::NoGradGuard no_grad;
  const auto wide = [](const torch::Tensor& values) { return values.detach().to(torch::kDouble); };
  const torch::Tensor factor = wide(norm.weight) / (wide(norm.running_var) + norm.options.eps()).sqrt();
  const auto& padding = *std::get<torch::ExpandingArray<2>>(conv.options.padding());
  return {.weight = (wide(conv.weight) * factor.view({-1, 1, 1, 1})).to(torch::kFloat),
          .bias = (wide(norm.bias) - wide(norm.running_mean) * factor).to(torch::kFloat),
          .stride = conv.options.stride()->at(0),
          .padding = {padding[0], padding[1]},
          .groups = conv.options.groups()};
}

ConvWeights side_by_side(const std::vector<ConvWeights>& convolutions) {
  ConvWeights joined = convolutions.at(0);
  std::vector<torch::Tensor> weights;
  std::vector<torch::Tensor> biases;
  for (const ConvWeights& conv : convolutions) {
    TORCH_CHECK(conv.stride == joined.stride && conv.padding == joined.padding && conv.groups == 1,
                "convolutions of one geometry");
    weights.push_back(conv.weight);
    biases.push_back(conv.bias);
  }
  joined.weight = torch::cat(weights);
  joined.bias = torch::cat(biases);
  return joined;
}

FoldedConv::FoldedConv(ConvWeights weights) : weights_(std::move(weights)) {
  torch::Tensor& weight = weights_.weight;
  if (weights_.groups > 1 || !packing_fits(weight)) {
    weight = weight.contiguous(torch::MemoryFormat::ChannelsLast);
    return;
  }
  const bool is_square = weight.size(2) == weight.size(3) && weights_.padding[0] == weights_.padding[1];
  is_by_windows_ = !is_square || (weight.size(2) > 1 && weight.size(1) < kLanes);
  if (is_by_windows_) {
    packed_ = pack_linear(weight.permute({0, 2, 3, 1}).flatten(1));
  } else if (is_for_winograd(weights_)) {
    border_ = 1 - weights_.padding[0];
    packed_ = pack_conv2d(weight, 1, 1);
  } else {
    packed_ = pack_conv2d(weight, weights_.stride, weights_.padding[0]);
  }
  weight = weight.to(torch::kMeta);  // its shape is all that is still asked for
}

/// What each output is made of: [B, in, H, W] -> [B, H', W', rows * columns * in], of the padded input. A
/// copy.
torch::Tensor FoldedConv::windows(const torch::Tensor& input) const {
  const std::int64_t rows = weights_.weight.size(2);
  const std::int64_t columns = weights_.weight.size(3);
  const std::int64_t top = weights_.padding[0];
  const std::int64_t left = weights_.padding[1];
  torch::Tensor image = input.permute({0, 2, 3, 1});  // [B, H, W, in]
  image = top > 0 || left > 0 ? torch::constant_pad_nd(image, {0, 0, left, left, top, top}) : image;
  image = image.contiguous();
  const std::int64_t stride = weights_.stride;
  return image
      .as_strided({image.size(0), (image.size(1) - rows) / stride + 1, (image.size(2) - columns) / stride + 1,
                   rows, columns * image.size(3)},
                  {image.stride(0), image.stride(1) * stride, image.stride(2) * stride, image.stride(1), 1})
      .flatten(3);
}

torch::Tensor FoldedConv::forward(const torch::Tensor& input) const {
  if (!packed_.defined()) {
    return torch::conv2d(input, weights_.weight, weights_.bias, weights_.stride, weights_.padding,
                         /*dilation=*/1, weights_.groups);
  }
  if (is_by_windows_) {
    return packed_linear(windows(input), packed_, weights_.bias).permute({0, 3, 1, 2});
  }
  const torch::Tensor output = packed_conv2d(input, packed_, weights_.bias);
  return border_ == 0
             ? output
             : output.slice(2, border_, output.size(2) - border_).slice(3, border_, output.size(3) - border_);
}

void NormedConv::fold() {
  if (defined()) {
    folded_ = FoldedConv(weights());
  }
}

torch::Tensor NormedConv::forward(const torch::Tensor& input, Activation activation,
                                  const torch::Tensor& residual) const {
  if (!folded_.defined()) {
    return batch_norm(*norm_.ptr(), conv_.ptr()->forward(input), activation, residual);
  }
  torch::Tensor output = folded_.forward(input);
  return activate(residual.defined() ? output.add_(residual) : output, activation);
}

}  // namespace medisyn
