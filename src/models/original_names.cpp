#include "medisyn/models/original_names.h"

#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <map>
#include <numeric>
#include <regex>
#include <set>
#include <utility>
#include <vector>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

/// How a parameter lies in the single file.
enum class Layout { kSame, kConv1x1, kTransposed, kQuery, kKey, kValue };

struct Original {
  std::string key;  ///< without the component's prefix
  Layout layout = Layout::kSame;
};

using Renames = std::vector<std::pair<std::string_view, std::string_view>>;

/// Replaces the first rule's left side where the name starts with it; the name itself when none does.
std::string renamed_start(const std::string& name, const Renames& rules) {
  for (const auto& [from, to] : rules) {
    if (name.starts_with(from)) {
      return fmt::format("{}{}", to, std::string_view(name).substr(from.size()));
    }
  }
  return name;
}

/// "down_blocks.2.resnets.1.conv1.weight" -> {2, "resnets", 1, "conv1.weight"}
struct BlockName {
  std::size_t level;
  std::string list;
  std::size_t place;
  std::string rest;
};

BlockName parse_block(const std::string& name) {
  static const std::regex kPattern(R"(\w+\.(\d+)\.(\w+)\.(\d+)\.(.+))");
  std::smatch parts;
  TORCH_CHECK(std::regex_match(name, parts, kPattern), name, " is no block's parameter");
  return {std::stoul(parts[1]), parts[2], std::stoul(parts[3]), parts[4]};
}

// ---- U-Net: blocks numbered through, each layer of a level and each down- or upsampler being one ----

struct UNetLevels {
  std::vector<std::size_t> layers;     ///< of each level, from the image's side
  std::vector<bool> up_has_attention;  ///< of each up block, from the middle

  explicit UNetLevels(const Json& config) {
    const std::size_t levels = config.at("block_out_channels").size();
    const Json& per_block = config.at("layers_per_block");
    for (std::size_t level = 0; level < levels; ++level) {
      layers.push_back(per_block.is_array() ? per_block.at(level).get<std::size_t>()
                                            : per_block.get<std::size_t>());
    }
    for (const Json& type : config.at("up_block_types")) {
      up_has_attention.push_back(type == "CrossAttnUpBlock2D");
    }
  }

  /// The first input block of a level; the very first one is conv_in.
  std::size_t input_block(std::size_t level) const {
    return std::accumulate(layers.begin(), layers.begin() + static_cast<long>(level), 1 + level);
  }
  /// The first output block of a level counted from the middle: one layer more than on the way down.
  std::size_t output_block(std::size_t level) const {
    return std::accumulate(layers.rbegin(), layers.rbegin() + static_cast<long>(level), level);
  }
};

std::string original_resnet(const std::string& rest) {
  static const Renames kRules{{"norm1", "in_layers.0"},          {"conv1", "in_layers.2"},
                              {"time_emb_proj", "emb_layers.1"}, {"norm2", "out_layers.0"},
                              {"conv2", "out_layers.3"},         {"conv_shortcut", "skip_connection"}};
  return renamed_start(rest, kRules);
}

std::string original_unet_block(const std::string& part, std::size_t number, const BlockName& block) {
  return block.list == "attentions" ? fmt::format("{}.{}.1.{}", part, number, block.rest)
                                    : fmt::format("{}.{}.0.{}", part, number, original_resnet(block.rest));
}

Original original_unet(const std::string& name, const Json& config) {
  const UNetLevels levels(config);
  if (name.starts_with("down_blocks.")) {
    const BlockName block = parse_block(name);
    const std::size_t first = levels.input_block(block.level);
    if (block.list == "downsamplers") {
      return {fmt::format("input_blocks.{}.0.op.{}", first + levels.layers[block.level],
                          std::string_view(block.rest).substr(sizeof("conv.") - 1))};
    }
    return {original_unet_block("input_blocks", first + block.place, block)};
  }
  if (name.starts_with("up_blocks.")) {
    const BlockName block = parse_block(name);
    const std::size_t first = levels.output_block(block.level);
    if (block.list == "upsamplers") {
      const std::size_t last = first + levels.layers[levels.layers.size() - 1 - block.level];
      return {fmt::format("output_blocks.{}.{}.{}", last, levels.up_has_attention.at(block.level) ? 2 : 1,
                          block.rest)};
    }
    return {original_unet_block("output_blocks", first + block.place, block)};
  }
  constexpr std::string_view kMiddle = "mid_block.resnets.";
  if (name.starts_with(kMiddle)) {
    return {fmt::format("middle_block.{}.{}", name[kMiddle.size()] == '0' ? 0 : 2,
                        original_resnet(name.substr(kMiddle.size() + 2)))};
  }
  static const Renames kRules{{"conv_in.", "input_blocks.0.0."},
                              {"time_embedding.linear_1.", "time_embed.0."},
                              {"time_embedding.linear_2.", "time_embed.2."},
                              {"add_embedding.linear_1.", "label_emb.0.0."},
                              {"add_embedding.linear_2.", "label_emb.0.2."},
                              {"mid_block.attentions.0.", "middle_block.1."},
                              {"conv_norm_out.", "out.0."},
                              {"conv_out.", "out.2."}};
  return {renamed_start(name, kRules)};
}

// ---- VAE: the decoder's levels are counted from the image's side ----

std::string original_vae_resnet(const std::string& rest) {
  return renamed_start(rest, {{"conv_shortcut", "nin_shortcut"}});
}

Original original_vae_middle(const std::string& rest) {
  if (rest.starts_with("resnets.")) {
    constexpr std::size_t kSkipped = sizeof("resnets.0.") - 1;
    return {fmt::format("mid.block_{}.{}", rest[kSkipped - 2] == '0' ? 1 : 2,
                        original_vae_resnet(rest.substr(kSkipped)))};
  }
  static const Renames kRules{{"attentions.0.group_norm.", "mid.attn_1.norm."},
                              {"attentions.0.to_q.", "mid.attn_1.q."},
                              {"attentions.0.to_k.", "mid.attn_1.k."},
                              {"attentions.0.to_v.", "mid.attn_1.v."},
                              {"attentions.0.to_out.0.", "mid.attn_1.proj_out."}};
  const bool is_matrix = rest.ends_with(".weight") && !rest.starts_with("attentions.0.group_norm.");
  return {renamed_start(rest, kRules), is_matrix ? Layout::kConv1x1 : Layout::kSame};
}

Original original_vae(const std::string& name, const Json& config) {
  const std::size_t dot = name.find('.');
  const std::string half = name.substr(0, dot);
  if (half != "encoder" && half != "decoder") {
    return {name};
  }
  const std::string rest = name.substr(dot + 1);
  const bool is_decoder = half == "decoder";
  const std::string_view blocks = is_decoder ? "up_blocks." : "down_blocks.";
  constexpr std::string_view kMiddle = "mid_block.";
  if (rest.starts_with(kMiddle)) {
    Original middle = original_vae_middle(rest.substr(kMiddle.size()));
    return {fmt::format("{}.{}", half, middle.key), middle.layout};
  }
  if (rest.starts_with(blocks)) {
    const BlockName block = parse_block(rest);
    const std::size_t levels = config.at("block_out_channels").size();
    const std::string level =
        is_decoder ? fmt::format("up.{}", levels - 1 - block.level) : fmt::format("down.{}", block.level);
    if (block.list != "resnets") {
      return {fmt::format("{}.{}.{}.{}", half, level, is_decoder ? "upsample" : "downsample", block.rest)};
    }
    return {fmt::format("{}.{}.block.{}.{}", half, level, block.place, original_vae_resnet(block.rest))};
  }
  return {fmt::format("{}.{}", half, renamed_start(rest, {{"conv_norm_out", "norm_out"}}))};
}

// ---- OpenCLIP's text tower: query, key and value in one matrix ----

Original original_open_clip(const std::string& name) {
  if (name == "text_projection.weight") {
    return {"text_projection", Layout::kTransposed};
  }
  constexpr std::string_view kLayers = "text_model.encoder.layers.";
  if (!name.starts_with(kLayers)) {
    static const Renames kRules{{"text_model.embeddings.token_embedding.", "token_embedding."},
                                {"text_model.embeddings.position_embedding.weight", "positional_embedding"},
                                {"text_model.final_layer_norm.", "ln_final."}};
    return {renamed_start(name, kRules)};
  }
  const std::size_t dot = name.find('.', kLayers.size());
  const std::string layer = name.substr(kLayers.size(), dot - kLayers.size());
  const std::string rest = name.substr(dot + 1);
  static const std::map<std::string, Layout, std::less<>> kParts{{"self_attn.q_proj", Layout::kQuery},
                                                                 {"self_attn.k_proj", Layout::kKey},
                                                                 {"self_attn.v_proj", Layout::kValue}};
  const std::size_t last = rest.rfind('.');
  if (const auto part = kParts.find(std::string_view(rest).substr(0, last)); part != kParts.end()) {
    return {fmt::format("transformer.resblocks.{}.attn.in_proj_{}", layer, rest.substr(last + 1)),
            part->second};
  }
  static const Renames kRules{{"layer_norm1.", "ln_1."},
                              {"layer_norm2.", "ln_2."},
                              {"self_attn.out_proj.", "attn.out_proj."},
                              {"mlp.fc1.", "mlp.c_fc."},
                              {"mlp.fc2.", "mlp.c_proj."}};
  return {fmt::format("transformer.resblocks.{}.{}", layer, renamed_start(rest, kRules))};
}

// ---- all of them ----

struct Prefix {
  const char* component;
  const char* prefix;
  bool is_open_clip;
};

const std::vector<Prefix>& prefixes(SingleFileKind kind) {
  static const Prefix kUNet{"unet", "model.diffusion_model.", false};
  static const Prefix kVae{"vae", "first_stage_model.", false};
  static const std::map<SingleFileKind, std::vector<Prefix>> kPrefixes{
      {SingleFileKind::kSD1, {kUNet, kVae, {"text_encoder", "cond_stage_model.transformer.", false}}},
      {SingleFileKind::kSD2, {kUNet, kVae, {"text_encoder", "cond_stage_model.model.", true}}},
      {SingleFileKind::kSDXL,
       {kUNet,
        kVae,
        {"text_encoder", "conditioner.embedders.0.transformer.", false},
        {"text_encoder_2", "conditioner.embedders.1.model.", true}}}};
  return kPrefixes.at(kind);
}

const Prefix& prefix_of(SingleFileKind kind, const std::string& name) {
  const auto& all = prefixes(kind);
  const auto found =
      std::find_if(all.begin(), all.end(), [&](const Prefix& p) { return name == p.component; });
  TORCH_CHECK(found != all.end(), "a single file has no component ", name);
  return *found;
}

Original original_of(const Prefix& prefix, const Component& component, const std::string& name) {
  Original original{name};
  if (component.class_name == "UNet2DConditionModel") {
    original = original_unet(name, component.config);
  } else if (component.class_name == "AutoencoderKL") {
    original = original_vae(name, component.config);
  } else if (prefix.is_open_clip) {
    original = original_open_clip(name);
  }
  original.key = prefix.prefix + original.key;
  return original;
}

/// The single file's tensor as the component's parameter. `expected` is the parameter's shape.
torch::Tensor taken_out(const torch::Tensor& stored, Layout layout, torch::IntArrayRef expected) {
  switch (layout) {
    case Layout::kConv1x1:
      return stored.dim() == 4 ? stored.flatten(1) : stored;
    case Layout::kTransposed:
      return stored.dim() == 2 ? stored.t() : stored;
    case Layout::kQuery:
    case Layout::kKey:
    case Layout::kValue: {
      const auto third = static_cast<std::int64_t>(layout) - static_cast<std::int64_t>(Layout::kQuery);
      const bool is_triple = stored.dim() > 0 && stored.size(0) == 3 * expected[0];
      return is_triple ? stored.narrow(0, third * expected[0], expected[0]) : stored;
    }
    default:
      return stored;
  }
}

/// What a file of the field carries under a component's prefix and no model of diffusers has.
bool carries_nothing(const std::string& key, SingleFileKind kind) {
  const bool is_open_clip_rest = kind == SingleFileKind::kSD2 && key.starts_with("cond_stage_model.");
  return key.ends_with("position_ids") || key.ends_with("logit_scale") || key.ends_with("attn_mask") ||
         is_open_clip_rest;
}

}  // namespace

SingleFileKind single_file_kind(const TensorMap& tensors, const std::string& file) {
  const auto has = [&](std::string_view prefix) {
    const auto next = tensors.lower_bound(std::string(prefix));
    return next != tensors.end() && next->first.starts_with(prefix);
  };
  for (const SingleFileKind kind : {SingleFileKind::kSDXL, SingleFileKind::kSD2, SingleFileKind::kSD1}) {
    const auto& all = prefixes(kind);
    if (std::all_of(all.begin(), all.end(), [&](const Prefix& prefix) { return has(prefix.prefix); })) {
      return kind;
    }
  }
  fail(
      "{}: expected a single file of Stable Diffusion 1, 2 or XL, with tensors under {}, {} and a text "
      "encoder; "
      "its first tensor is {}",
      file, "model.diffusion_model.", "first_stage_model.",
      tensors.empty() ? "none" : tensors.begin()->first);
}

TensorMap from_single_file(const TensorMap& tensors, SingleFileKind kind, const std::string& name,
                           const Component& component, const std::string& file) {
  const Prefix& prefix = prefix_of(kind, name);
  TensorMap parts;
  std::set<std::string> used;
  for (const auto& [parameter, value] : state_dict(*component.module)) {
    const Original original = original_of(prefix, component, parameter);
    const auto stored = tensors.find(original.key);
    if (stored == tensors.end()) {
      fail("{}: {} is missing: the {}'s {}", file, original.key, name, parameter);
    }
    used.insert(original.key);
    parts[parameter] = taken_out(stored->second, original.layout, value.sizes());
  }
  for (auto it = tensors.lower_bound(prefix.prefix);
       it != tensors.end() && it->first.starts_with(prefix.prefix); ++it) {
    if (!used.contains(it->first) && !carries_nothing(it->first, kind)) {
      fail("{}: {} does not belong to this {}", file, it->first, component.class_name);
    }
  }
  return parts;
}

void add_to_single_file(TensorMap& tensors, SingleFileKind kind, const std::string& name,
                        const Component& component) {
  if (kind == SingleFileKind::kSD2) {
    fail(
        "a single file of Stable Diffusion 2 holds a last text layer that a Hugging Face folder lacks: only "
        "SD 1.x "
        "and SDXL can be written as one file");
  }
  const Prefix& prefix = prefix_of(kind, name);
  std::map<std::string, std::array<torch::Tensor, 3>> thirds;
  for (const auto& [parameter, value] : state_dict(*component.module)) {
    const Original original = original_of(prefix, component, parameter);
    switch (original.layout) {
      case Layout::kSame:
        tensors[original.key] = value;
        break;
      case Layout::kConv1x1:
        tensors[original.key] = value.unsqueeze(-1).unsqueeze(-1);
        break;
      case Layout::kTransposed:
        tensors[original.key] = value.t();
        break;
      default:
        thirds[original.key].at(static_cast<std::size_t>(original.layout) -
                                static_cast<std::size_t>(Layout::kQuery)) = value;
    }
  }
  for (const auto& [key, parts] : thirds) {
    tensors[key] = torch::cat({parts[0], parts[1], parts[2]});
  }
}

std::size_t tensors_beside_components(const TensorMap& tensors, SingleFileKind kind) {
  return static_cast<std::size_t>(std::count_if(tensors.begin(), tensors.end(), [&](const auto& entry) {
    const auto& all = prefixes(kind);
    return std::none_of(all.begin(), all.end(),
                        [&](const Prefix& prefix) { return entry.first.starts_with(prefix.prefix); });
  }));
}

}  // namespace medisyn
