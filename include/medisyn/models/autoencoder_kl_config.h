// vae/config.json of diffusers.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "medisyn/core/config.h"

namespace medisyn {

/// Defaults are those of diffusers' AutoencoderKL; SD 1.4 has block_out_channels 128, 256, 512, 512,
/// layers_per_block 2 and sample_size 512.
struct AutoencoderKLConfig {
  std::int64_t in_channels = 3;
  std::int64_t out_channels = 3;
  std::vector<std::string> down_block_types = {"DownEncoderBlock2D"};
  std::vector<std::string> up_block_types = {"UpDecoderBlock2D"};
  std::vector<std::int64_t> block_out_channels = {64};
  std::int64_t layers_per_block = 1;
  std::int64_t latent_channels = 4;
  std::int64_t norm_num_groups = 32;
  std::int64_t sample_size = 32;    ///< image height and width it was trained with
  double scaling_factor = 0.18215;  ///< latents of the diffusion are the posterior's sample times this
  bool force_upcast = true;         ///< decode in fp32 although the pipeline runs in fp16
  bool use_quant_conv = true;
  bool use_post_quant_conv = true;
  bool mid_block_add_attention = true;

  /// Error naming the key when lists do not agree in length or widths cannot be divided into groups.
  void check() const;

  /// The factor between image and latent height: 2^(blocks - 1).
  std::int64_t downsampling() const { return std::int64_t{1} << (block_out_channels.size() - 1); }

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("in_channels", self.in_channels, at_least(1));
    visit("out_channels", self.out_channels, at_least(1));
    visit("down_block_types", self.down_block_types, one_of({"DownEncoderBlock2D"}));
    visit("up_block_types", self.up_block_types, one_of({"UpDecoderBlock2D"}));
    visit("block_out_channels", self.block_out_channels, at_least(1));
    visit("layers_per_block", self.layers_per_block, at_least(1));
    visit.fixed("act_fn", std::string("silu"));
    visit("latent_channels", self.latent_channels, at_least(1));
    visit("norm_num_groups", self.norm_num_groups, at_least(1));
    visit("sample_size", self.sample_size, at_least(1));
    visit("scaling_factor", self.scaling_factor, in_range(1e-6, 1e6));
    visit.fixed_null("shift_factor");
    visit.fixed_null("latents_mean");
    visit.fixed_null("latents_std");
    visit("force_upcast", self.force_upcast);
    visit("use_quant_conv", self.use_quant_conv);
    visit("use_post_quant_conv", self.use_post_quant_conv);
    visit("mid_block_add_attention", self.mid_block_add_attention);
    for (const char* key : {"_class_name", "_diffusers_version", "_name_or_path"}) {
      visit.ignored(key);
    }
  }
};

}  // namespace medisyn
