// What no single key can show: that the keys of a config agree with each other.
#include <fmt/format.h>

#include "medisyn/core/error.h"
#include "medisyn/models/autoencoder_kl_config.h"
#include "medisyn/models/bert_config.h"
#include "medisyn/models/clip_text_config.h"
#include "medisyn/models/clip_vision_config.h"
#include "medisyn/models/unet_2d_condition_config.h"

namespace medisyn {
namespace {

void check_length(const char* model, const char* key, std::size_t found, std::size_t levels) {
  if (found != levels) {
    fail("{}: {}: expected {} entries, as many as block_out_channels has, found {}", model, key, levels,
         found);
  }
}

void check_length_or_one(const char* model, const char* key, const std::vector<std::int64_t>& list,
                         std::size_t levels) {
  if (list.size() != 1) {
    check_length(model, key, list.size(), levels);
  }
}

void check_divisible(const char* model, const char* key, std::int64_t value, const char* by_key,
                     std::int64_t divisor) {
  if (value % divisor != 0) {
    fail("{}: {}: {} cannot be divided by {} {}", model, key, value, by_key, divisor);
  }
}

void check_has_levels(const char* model, std::size_t levels) {
  if (levels == 0) {
    fail("{}: block_out_channels: expected at least one entry, found none", model);
  }
}

}  // namespace

void UNet2DConditionConfig::check() const {
  constexpr const char* kModel = "UNet2DConditionModel";
  const std::size_t levels = block_out_channels.size();
  check_has_levels(kModel, levels);
  check_length(kModel, "down_block_types", down_block_types.size(), levels);
  check_length(kModel, "up_block_types", up_block_types.size(), levels);
  check_length_or_one(kModel, "layers_per_block", layers_per_block, levels);
  check_length_or_one(kModel, "cross_attention_dim", cross_attention_dim, levels);
  check_length_or_one(kModel, "transformer_layers_per_block", transformer_layers_per_block, levels);
  check_length_or_one(kModel, "attention_head_dim", attention_head_dim, levels);
  for (std::size_t level = 0; level < levels; ++level) {
    check_divisible(kModel, "block_out_channels", block_out_channels[level], "norm_num_groups",
                    norm_num_groups);
    check_divisible(kModel, "block_out_channels", block_out_channels[level], "attention_head_dim",
                    at(attention_head_dim, level));
    if (at(cross_attention_dim, level) != cross_attention_dim.front()) {
      fail("{}: cross_attention_dim: one text cannot have two widths", kModel);
    }
  }
  if (addition_embed_type && !(addition_time_embed_dim && projection_class_embeddings_input_dim)) {
    fail(
        "{}: addition_embed_type text_time: expected addition_time_embed_dim and "
        "projection_class_embeddings_input_dim beside it",
        kModel);
  }
  for (const auto& [key, kernel] :
       {std::pair("conv_in_kernel", conv_in_kernel), std::pair("conv_out_kernel", conv_out_kernel)}) {
    if (kernel % 2 == 0) {
      fail("{}: {}: expected an odd number, found {}", kModel, key, kernel);
    }
  }
}

void AutoencoderKLConfig::check() const {
  constexpr const char* kModel = "AutoencoderKL";
  const std::size_t levels = block_out_channels.size();
  check_has_levels(kModel, levels);
  check_length(kModel, "down_block_types", down_block_types.size(), levels);
  check_length(kModel, "up_block_types", up_block_types.size(), levels);
  for (const std::int64_t channels : block_out_channels) {
    check_divisible(kModel, "block_out_channels", channels, "norm_num_groups", norm_num_groups);
  }
}

void CLIPTextConfig::check() const {
  check_divisible("CLIPTextModel", "hidden_size", hidden_size, "num_attention_heads", num_attention_heads);
}

void CLIPVisionConfig::check() const {
  constexpr const char* kModel = "CLIPVisionModel";
  check_divisible(kModel, "hidden_size", hidden_size, "num_attention_heads", num_attention_heads);
  check_divisible(kModel, "image_size", image_size, "patch_size", patch_size);
}

void BertConfig::check() const {
  check_divisible("BertModel", "hidden_size", hidden_size, "num_attention_heads", num_attention_heads);
  if (pad_token_id && (*pad_token_id < 0 || *pad_token_id >= vocab_size)) {
    fail("BertModel: pad_token_id: expected an id below vocab_size {}, found {}", vocab_size, *pad_token_id);
  }
}

}  // namespace medisyn
