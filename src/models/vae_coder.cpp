#include "medisyn/models/vae_coder.h"

namespace medisyn {
namespace {

constexpr double kEps = 1e-6;

ResnetShape resnet_shape(const AutoencoderKLConfig& config, std::int64_t in, std::int64_t out) {
  return {.in = in, .out = out, .groups = config.norm_num_groups, .eps = kEps};
}

}  // namespace

VaeLevelImpl::VaeLevelImpl(ResnetShape resnet, std::int64_t layers, Resampler resampler) {
  register_module("resnets", resnets_);
  register_module("downsamplers", downsamplers_);
  register_module("upsamplers", upsamplers_);
  for (std::int64_t layer = 0; layer < layers; ++layer) {
    resnets_->push_back(ResnetBlock2D(resnet));
    resnet.in = resnet.out;
  }
  if (resampler == Resampler::kDown) {
    downsamplers_->push_back(Downsample2D(resnet.out, 0));
  } else if (resampler == Resampler::kUp) {
    upsamplers_->push_back(Upsample2D(resnet.out));
  }
}

torch::Tensor VaeLevelImpl::forward(torch::Tensor hidden) {
  for (const auto& resnet : *resnets_) {
    hidden = resnet->as<ResnetBlock2D>()->forward(hidden);
  }
  if (!downsamplers_->is_empty()) {
    hidden = downsamplers_[0]->as<Downsample2D>()->forward(hidden);
  }
  if (!upsamplers_->is_empty()) {
    hidden = upsamplers_[0]->as<Upsample2D>()->forward(hidden, 2 * hidden.size(2), 2 * hidden.size(3));
  }
  return hidden;
}

VaeMidBlockImpl::VaeMidBlockImpl(std::int64_t channels, std::int64_t groups, bool has_attention) {
  register_module("attentions", attentions_);
  register_module("resnets", resnets_);
  const ResnetShape resnet{.in = channels, .out = channels, .groups = groups, .eps = kEps};
  if (has_attention) {
    attentions_->push_back(SpatialAttention(channels, groups, kEps));
  }
  resnets_->push_back(ResnetBlock2D(resnet));
  resnets_->push_back(ResnetBlock2D(resnet));
}

torch::Tensor VaeMidBlockImpl::forward(torch::Tensor hidden) {
  hidden = resnets_[0]->as<ResnetBlock2D>()->forward(hidden);
  if (!attentions_->is_empty()) {
    hidden = attentions_[0]->as<SpatialAttention>()->forward(hidden);
  }
  return resnets_[1]->as<ResnetBlock2D>()->forward(hidden);
}

EncoderImpl::EncoderImpl(const AutoencoderKLConfig& config)
    : conv_in_(register_module(
          "conv_in", Conv2d(ConvShape{.in = config.in_channels, .out = config.block_out_channels.front()}))) {
  using Resampler = VaeLevelImpl::Resampler;
  const auto& widths = config.block_out_channels;
  register_module("down_blocks", down_blocks_);
  for (std::size_t level = 0; level < widths.size(); ++level) {
    const ResnetShape resnet = resnet_shape(config, widths[level == 0 ? 0 : level - 1], widths[level]);
    const bool is_last = level + 1 == widths.size();
    down_blocks_->push_back(
        VaeLevel(resnet, config.layers_per_block, is_last ? Resampler::kNone : Resampler::kDown));
  }
  mid_block_ = register_module(
      "mid_block", VaeMidBlock(widths.back(), config.norm_num_groups, config.mid_block_add_attention));
  conv_norm_out_ = register_module("conv_norm_out", GroupNorm(config.norm_num_groups, widths.back(), kEps));
  conv_out_ =
      register_module("conv_out", Conv2d(ConvShape{.in = widths.back(), .out = 2 * config.latent_channels}));
}

torch::Tensor EncoderImpl::forward(const torch::Tensor& images) {
  torch::Tensor hidden = conv_in_(images);
  for (const auto& block : *down_blocks_) {
    hidden = block->as<VaeLevel>()->forward(hidden);
  }
  return conv_out_(conv_norm_out_->with_silu(mid_block_(hidden)));
}

DecoderImpl::DecoderImpl(const AutoencoderKLConfig& config)
    : conv_in_(register_module("conv_in", Conv2d(ConvShape{.in = config.latent_channels,
                                                           .out = config.block_out_channels.back()}))),
      mid_block_(
          register_module("mid_block", VaeMidBlock(config.block_out_channels.back(), config.norm_num_groups,
                                                   config.mid_block_add_attention))) {
  using Resampler = VaeLevelImpl::Resampler;
  const auto& widths = config.block_out_channels;
  register_module("up_blocks", up_blocks_);
  std::int64_t before = widths.back();
  for (std::size_t level = widths.size(); level-- > 0;) {
    const ResnetShape resnet = resnet_shape(config, std::exchange(before, widths[level]), widths[level]);
    up_blocks_->push_back(
        VaeLevel(resnet, config.layers_per_block + 1, level == 0 ? Resampler::kNone : Resampler::kUp));
  }
  conv_norm_out_ = register_module("conv_norm_out", GroupNorm(config.norm_num_groups, widths.front(), kEps));
  conv_out_ =
      register_module("conv_out", Conv2d(ConvShape{.in = widths.front(), .out = config.out_channels}));
}

torch::Tensor DecoderImpl::forward(const torch::Tensor& latents) {
  torch::Tensor hidden = mid_block_(conv_in_(latents));
  for (const auto& block : *up_blocks_) {
    hidden = block->as<VaeLevel>()->forward(hidden);
  }
  return conv_out_(conv_norm_out_->with_silu(hidden));
}

}  // namespace medisyn
