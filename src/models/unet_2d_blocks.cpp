#include "medisyn/models/unet_2d_blocks.h"

namespace medisyn {

DownBlock2DImpl::DownBlock2DImpl(const UNetLevelShape& shape) {
  register_module("resnets", resnets_);
  register_module("attentions", attentions_);
  register_module("downsamplers", downsamplers_);
  ResnetShape resnet = shape.resnet;
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
    resnets_->push_back(ResnetBlock2D(resnet));
    resnet.in = resnet.out;
    if (shape.attention) {
      attentions_->push_back(Transformer2DModel(*shape.attention));
    }
  }
  if (shape.has_resampler) {
    downsamplers_->push_back(Downsample2D(resnet.out, shape.downsample_padding));
  }
}

torch::Tensor DownBlock2DImpl::forward(torch::Tensor hidden, const torch::Tensor& time, const Context& text,
                                       std::vector<torch::Tensor>& skips) {
  for (std::size_t layer = 0; layer < resnets_->size(); ++layer) {
    hidden = resnets_[layer]->as<ResnetBlock2D>()->forward(hidden, time);
    if (!attentions_->is_empty()) {
      hidden = attentions_[layer]->as<Transformer2DModel>()->forward(hidden, text);
    }
    skips.push_back(hidden);
  }
  if (!downsamplers_->is_empty()) {
    hidden = downsamplers_[0]->as<Downsample2D>()->forward(hidden);
    skips.push_back(hidden);
  }
  return hidden;
}

UNetMidBlock2DCrossAttnImpl::UNetMidBlock2DCrossAttnImpl(const ResnetShape& resnet,
                                                         const Transformer2DShape& attention) {
  register_module("attentions", attentions_);
  register_module("resnets", resnets_);
  attentions_->push_back(Transformer2DModel(attention));
  resnets_->push_back(ResnetBlock2D(resnet));
  resnets_->push_back(ResnetBlock2D(resnet));
}

torch::Tensor UNetMidBlock2DCrossAttnImpl::forward(torch::Tensor hidden, const torch::Tensor& time,
                                                   const Context& text) {
  hidden = resnets_[0]->as<ResnetBlock2D>()->forward(hidden, time);
  hidden = attentions_[0]->as<Transformer2DModel>()->forward(hidden, text);
  return resnets_[1]->as<ResnetBlock2D>()->forward(hidden, time);
}

UpBlock2DImpl::UpBlock2DImpl(const UNetLevelShape& shape) {
  register_module("resnets", resnets_);
  register_module("attentions", attentions_);
  register_module("upsamplers", upsamplers_);
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
    const std::int64_t before = layer == 0 ? shape.resnet.in : shape.resnet.out;
    const std::int64_t skip = layer == shape.layers - 1 ? shape.skip : shape.resnet.out;
    ResnetShape resnet = shape.resnet;
    resnet.in = before + skip;
    resnets_->push_back(ResnetBlock2D(resnet));
    if (shape.attention) {
      attentions_->push_back(Transformer2DModel(*shape.attention));
    }
  }
  if (shape.has_resampler) {
    upsamplers_->push_back(Upsample2D(shape.resnet.out));
  }
}

torch::Tensor UpBlock2DImpl::forward(torch::Tensor hidden, const torch::Tensor& time, const Context& text,
                                     std::vector<torch::Tensor>& skips) {
  for (std::size_t layer = 0; layer < resnets_->size(); ++layer) {
    hidden = torch::cat({hidden, skips.back()}, 1);
    skips.pop_back();
    hidden = resnets_[layer]->as<ResnetBlock2D>()->forward(hidden, time);
    if (!attentions_->is_empty()) {
      hidden = attentions_[layer]->as<Transformer2DModel>()->forward(hidden, text);
    }
  }
  if (!upsamplers_->is_empty()) {
    const torch::Tensor& next = skips.back();
    hidden = upsamplers_[0]->as<Upsample2D>()->forward(hidden, next.size(2), next.size(3));
  }
  return hidden;
}

}  // namespace medisyn
