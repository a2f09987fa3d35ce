#include "medisyn/models/unet_2d_condition.h"

#include <algorithm>

namespace medisyn {
namespace {

using Config = UNet2DConditionConfig;

std::int64_t time_width(const Config& config) {
  return config.time_embedding_dim.value_or(4 * config.block_out_channels.front());
}

ResnetShape resnet_shape(const Config& config, std::int64_t in, std::int64_t out) {
  return {.in = in,
          .out = out,
          .time_width = time_width(config),
          .groups = config.norm_num_groups,
          .eps = config.norm_eps,
          .dropout = config.dropout};
}

Transformer2DShape attention_shape(const Config& config, std::size_t level) {
  return {.channels = config.block_out_channels[level],
          .heads = Config::at(config.attention_head_dim, level),
          .layers = Config::at(config.transformer_layers_per_block, level),
          .context = Config::at(config.cross_attention_dim, level),
          .groups = config.norm_num_groups,
          .use_linear_projection = config.use_linear_projection,
          .upcast = config.upcast_attention.value_or(false)};
}

UNetLevelShape down_shape(const Config& config, std::size_t level) {
  const auto& widths = config.block_out_channels;
  UNetLevelShape shape;
  shape.resnet = resnet_shape(config, widths[level == 0 ? 0 : level - 1], widths[level]);
  shape.layers = Config::at(config.layers_per_block, level);
  shape.has_resampler = level + 1 < widths.size();
  shape.downsample_padding = config.downsample_padding;
  if (config.down_block_types[level] == "CrossAttnDownBlock2D") {
    shape.attention = attention_shape(config, level);
  }
  return shape;
}

/// `level` counts from the finest; the up path starts at the coarsest.
UNetLevelShape up_shape(const Config& config, std::size_t level) {
  const auto& widths = config.block_out_channels;
  const std::size_t last = widths.size() - 1;
  UNetLevelShape shape;
  shape.resnet = resnet_shape(config, widths[std::min(level + 1, last)], widths[level]);
  shape.layers = Config::at(config.layers_per_block, level) + 1;
  shape.skip = widths[level == 0 ? 0 : level - 1];
  shape.has_resampler = level > 0;
  if (config.up_block_types[last - level] == "CrossAttnUpBlock2D") {
    shape.attention = attention_shape(config, level);
  }
  return shape;
}

}  // namespace

UNet2DConditionModelImpl::UNet2DConditionModelImpl(const UNet2DConditionConfig& config) : config_(config) {
  config.check();
  const auto& widths = config.block_out_channels;
  const std::size_t last = widths.size() - 1;
  conv_in_ = register_module("conv_in", Conv2d(ConvShape{.in = config.in_channels,
                                                         .out = widths.front(),
                                                         .kernel = config.conv_in_kernel,
                                                         .padding = config.conv_in_kernel / 2}));
  time_embedding_ = register_module("time_embedding", TimestepEmbedding(widths.front(), time_width(config)));
  if (config.addition_embed_type) {
    add_embedding_ =
        register_module("add_embedding",
                        TimestepEmbedding(*config.projection_class_embeddings_input_dim, time_width(config)));
  }
  register_module("down_blocks", down_blocks_);
  for (std::size_t level = 0; level <= last; ++level) {
    down_blocks_->push_back(DownBlock2D(down_shape(config, level)));
  }
  mid_block_ =
      register_module("mid_block", UNetMidBlock2DCrossAttn(resnet_shape(config, widths[last], widths[last]),
                                                           attention_shape(config, last)));
  register_module("up_blocks", up_blocks_);
  for (std::size_t level = last + 1; level-- > 0;) {
    up_blocks_->push_back(UpBlock2D(up_shape(config, level)));
  }
  conv_norm_out_ =
      register_module("conv_norm_out", GroupNorm(config.norm_num_groups, widths.front(), config.norm_eps));
  conv_out_ = register_module("conv_out", Conv2d(ConvShape{.in = widths.front(),
                                                           .out = config.out_channels,
                                                           .kernel = config.conv_out_kernel,
                                                           .padding = config.conv_out_kernel / 2}));
}

torch::Tensor UNet2DConditionModelImpl::embed_timesteps(const torch::Tensor& timesteps,
                                                        const torch::Tensor& sample) {
  const torch::Tensor batch = timesteps.to(sample.device()).expand({sample.size(0)});  // [B]
  const torch::Tensor sinusoids = sinusoidal_embedding(batch, config_.block_out_channels.front(),
                                                       config_.flip_sin_to_cos, config_.freq_shift);
  return time_embedding_(sinusoids.to(sample.scalar_type()));
}

torch::Tensor UNet2DConditionModelImpl::embed_added(const AddedConditions& added,
                                                    const torch::Tensor& sample) {
  const std::int64_t batch = sample.size(0);
  TORCH_CHECK(added.text_embeds.defined() && added.time_ids.defined() && added.text_embeds.size(0) == batch &&
                  added.time_ids.size(0) == batch,
              "addition_embed_type text_time: expected text_embeds and time_ids of ", batch, " images");
  const torch::Tensor sinusoids =
      sinusoidal_embedding(added.time_ids.flatten(), *config_.addition_time_embed_dim,
                           config_.flip_sin_to_cos, config_.freq_shift)
          .reshape({batch, -1});  // [B, 6 * addition_time_embed_dim]
  return add_embedding_(torch::cat({added.text_embeds, sinusoids}, 1).to(sample.scalar_type()));
}

torch::Tensor UNet2DConditionModelImpl::forward(const torch::Tensor& sample, const torch::Tensor& timesteps,
                                                const Context& encoder_hidden_states,
                                                const AddedConditions& added) {
  TORCH_CHECK(sample.dim() == 4 && sample.size(1) == config_.in_channels, "expected a sample [B, ",
              config_.in_channels, ", h, w], got ", sample.sizes());
  const Context& text = encoder_hidden_states;
  TORCH_CHECK(text.tokens().dim() == 3 && text.tokens().size(2) == config_.cross_attention_dim.front() &&
                  text.tokens().size(0) == sample.size(0),
              "expected encoder_hidden_states [", sample.size(0), ", L, ",
              config_.cross_attention_dim.front(), "], got ", text.tokens().sizes());
  torch::Tensor time = embed_timesteps(timesteps, sample);
  if (add_embedding_) {
    time = time + embed_added(added, sample);
  }
  torch::Tensor hidden = conv_in_(sample);
  std::vector<torch::Tensor> skips = {hidden};
  for (const auto& block : *down_blocks_) {
    hidden = block->as<DownBlock2D>()->forward(hidden, time, text, skips);
  }
  hidden = mid_block_(hidden, time, text);
  for (const auto& block : *up_blocks_) {
    hidden = block->as<UpBlock2D>()->forward(hidden, time, text, skips);
  }
  return conv_out_(conv_norm_out_->with_silu(hidden));
}

}  // namespace medisyn
