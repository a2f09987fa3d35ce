#include "medisyn/nn/resnet.h"

#include "medisyn/nn/recompute.h"

namespace medisyn {

ResnetBlock2DImpl::ResnetBlock2DImpl(const ResnetShape& shape)
    : norm1_(register_module("norm1", GroupNorm(shape.groups, shape.in, shape.eps))),
      conv1_(register_module("conv1", Conv2d(ConvShape{.in = shape.in, .out = shape.out}))),
      norm2_(register_module("norm2", GroupNorm(shape.groups, shape.out, shape.eps))),
      conv2_(register_module("conv2", Conv2d(ConvShape{.in = shape.out, .out = shape.out}))),
      dropout_(shape.dropout) {
  if (shape.time_width > 0) {
    time_emb_proj_ = register_module("time_emb_proj", Linear(shape.time_width, shape.out));
  }
  if (shape.in != shape.out) {
    conv_shortcut_ = register_module(
        "conv_shortcut", Conv2d(ConvShape{.in = shape.in, .out = shape.out, .kernel = 1, .padding = 0}));
  }
}

torch::Tensor ResnetBlock2DImpl::forward(const torch::Tensor& input, const torch::Tensor& time) {
  const auto block = [this](const torch::Tensor& x, const torch::Tensor& t) {
    torch::Tensor hidden = conv1_(norm1_->with_silu(x));
    if (time_emb_proj_) {
      hidden = add_to(hidden, time_emb_proj_(torch::silu(t)).unsqueeze(-1).unsqueeze(-1));  // [B, out, 1, 1]
    }
    hidden = torch::dropout(norm2_->with_silu(hidden), dropout_, is_training());
    return add_to(conv2_(hidden), conv_shortcut_ ? conv_shortcut_(x) : x);
  };
  return time.defined() ? recomputed(block, input, time) : block(input, time);
}

Downsample2DImpl::Downsample2DImpl(std::int64_t channels, std::int64_t padding)
    : padding_(padding),
      conv_(register_module(
          "conv", Conv2d(ConvShape{.in = channels, .out = channels, .stride = 2, .padding = padding}))) {}

torch::Tensor Downsample2DImpl::forward(const torch::Tensor& input) {
  return conv_(padding_ == 0 ? torch::constant_pad_nd(input, {0, 1, 0, 1}) : input);
}

Upsample2DImpl::Upsample2DImpl(std::int64_t channels)
    : conv_(register_module("conv", Conv2d(ConvShape{.in = channels, .out = channels}))) {}

torch::Tensor Upsample2DImpl::forward(const torch::Tensor& input, std::int64_t height, std::int64_t width) {
  return conv_(torch::upsample_nearest2d(input, {height, width}));
}

}  // namespace medisyn
