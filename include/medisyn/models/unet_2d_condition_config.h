// unet/config.json of diffusers: each key honoured, refused when it asks for what is not here, or known to
// mean nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"

namespace medisyn {

/// Defaults are those of diffusers' UNet2DConditionModel; SD 1.4 differs in sample_size 64 and
/// cross_attention_dim 768, SDXL in much more (tests/models/sizes_test.cpp).
struct UNet2DConditionConfig {
  std::optional<std::int64_t> sample_size;  ///< latent height and width that pipelines draw by default
  std::int64_t in_channels = 4;
  std::int64_t out_channels = 4;
  bool flip_sin_to_cos = true;
  double freq_shift = 0;
  std::vector<std::string> down_block_types = {"CrossAttnDownBlock2D", "CrossAttnDownBlock2D",
                                               "CrossAttnDownBlock2D", "DownBlock2D"};
  std::vector<std::string> up_block_types = {"UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D",
                                             "CrossAttnUpBlock2D"};
  std::vector<std::int64_t> block_out_channels = {320, 640, 1280, 1280};
  std::vector<std::int64_t> layers_per_block = {2};  ///< one for all blocks, or one a block
  std::int64_t downsample_padding = 1;
  double dropout = 0;
  std::int64_t norm_num_groups = 32;
  double norm_eps = 1e-5;
  std::vector<std::int64_t> cross_attention_dim = {1280};        ///< one for all blocks, or one a block
  std::vector<std::int64_t> transformer_layers_per_block = {1};  ///< one for all blocks, or one a block
  std::vector<std::int64_t> attention_head_dim = {
      8};  ///< the NUMBER of heads, in spite of its name; likewise
  bool use_linear_projection = false;
  std::optional<bool> upcast_attention = false;    ///< attention scores in fp32 whatever the dtype
  std::optional<std::int64_t> time_embedding_dim;  ///< none: 4 * block_out_channels[0]
  std::int64_t conv_in_kernel = 3;
  std::int64_t conv_out_kernel = 3;
  /// SDXL: "text_time" adds an embedding of the pooled text and of sizes and crop to the timestep's. None in
  /// SD.
  std::optional<std::string> addition_embed_type;
  std::optional<std::int64_t> addition_time_embed_dim;  ///< sinusoids of each of the six numbers
  std::optional<std::int64_t> projection_class_embeddings_input_dim;  ///< pooled text and all sinusoids

  /// Error naming the key when lists do not agree in length or widths cannot be divided into groups or heads.
  void check() const;

  /// Entry `block` of a list that may hold one value for all blocks.
  static std::int64_t at(const std::vector<std::int64_t>& list, std::size_t block) {
    return list.size() == 1 ? list.front() : list.at(block);
  }

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("sample_size", self.sample_size, at_least(1));
    visit("in_channels", self.in_channels, at_least(1));
    visit("out_channels", self.out_channels, at_least(1));
    visit.fixed("center_input_sample", false);
    visit("flip_sin_to_cos", self.flip_sin_to_cos);
    visit("freq_shift", self.freq_shift);
    visit("down_block_types", self.down_block_types, one_of({"CrossAttnDownBlock2D", "DownBlock2D"}));
    visit.fixed("mid_block_type", std::string("UNetMidBlock2DCrossAttn"));
    visit("up_block_types", self.up_block_types, one_of({"UpBlock2D", "CrossAttnUpBlock2D"}));
    visit.fixed("only_cross_attention", false);
    visit("block_out_channels", self.block_out_channels, at_least(1));
    visit("layers_per_block", self.layers_per_block, list_of_at_least(1));
    visit("downsample_padding", self.downsample_padding, in_range(0, 1));
    visit.fixed("mid_block_scale_factor", 1.0);
    visit("dropout", self.dropout, in_range(0, 1));
    visit.fixed("act_fn", std::string("silu"));
    visit("norm_num_groups", self.norm_num_groups, at_least(1));
    visit("norm_eps", self.norm_eps, in_range(0, 1));
    visit("cross_attention_dim", self.cross_attention_dim, list_of_at_least(1));
    visit("transformer_layers_per_block", self.transformer_layers_per_block, list_of_at_least(1));
    visit("attention_head_dim", self.attention_head_dim, list_of_at_least(1));
    visit("use_linear_projection", self.use_linear_projection);
    visit("upcast_attention", self.upcast_attention);
    visit("time_embedding_dim", self.time_embedding_dim, at_least(1));
    visit("conv_in_kernel", self.conv_in_kernel, at_least(1));
    visit("conv_out_kernel", self.conv_out_kernel, at_least(1));
    visit("addition_embed_type", self.addition_embed_type, one_of({"text_time"}));
    visit("addition_time_embed_dim", self.addition_time_embed_dim, at_least(1));
    visit("projection_class_embeddings_input_dim", self.projection_class_embeddings_input_dim, at_least(1));
    unsupported_fields(visit);
  }

 private:
  /// Keys whose other values belong to other models (Kandinsky, IF, image variations, GLIGEN).
  template <class Visit>
  static void unsupported_fields(Visit& visit) {
    for (const char* key : {"class_embed_type", "cross_attention_norm", "encoder_hid_dim",
                            "encoder_hid_dim_type", "mid_block_only_cross_attention", "num_attention_heads",
                            "num_class_embeds", "reverse_transformer_layers_per_block", "time_cond_proj_dim",
                            "time_embedding_act_fn", "timestep_post_act"}) {
      visit.fixed_null(key);
    }
    visit.fixed("attention_type", std::string("default"));
    visit.fixed("class_embeddings_concat", false);
    visit.fixed("dual_cross_attention", false);
    visit.fixed("resnet_out_scale_factor", 1.0);
    visit.fixed("resnet_skip_time_act", false);
    visit.fixed("resnet_time_scale_shift", std::string("default"));
    visit.fixed("time_embedding_type", std::string("positional"));
    // The number of heads of an embedding that addition_embed_type "text" alone would make.
    visit.ignored("addition_embed_type_num_heads");
    for (const char* key :
         {"_class_name", "_diffusers_version", "_name_or_path", "decay", "inv_gamma", "min_decay",
          "optimization_step", "power", "update_after_step", "use_ema_warmup"}) {
      visit.ignored(key);
    }
  }

  static Rule list_of_at_least(double least) { return {.least = least, .takes_scalar = true}; }
};

}  // namespace medisyn
