#include "medisyn/nn/attention.h"

#include <algorithm>

#include "medisyn/nn/cpu_attention.h"

namespace medisyn {
namespace {

/// Up to so many tokens the plain products are faster in bf16 on a CPU than the fused kernel, whose backward
/// takes a quarter of a small U-Net's step; in fp32 it is as fast.
constexpr std::int64_t kShortSequence = 256;

/// [B, L, heads * d] -> [B, heads, L, d], a view
torch::Tensor split_heads(const torch::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

}  // namespace

torch::Tensor attend(const torch::Tensor& query, const torch::Tensor& key, const torch::Tensor& value,
                     std::int64_t heads, const AttentionOptions& options) {
  TORCH_CHECK(query.size(-1) % heads == 0, "a width of ", query.size(-1), " cannot be divided into ", heads,
              " heads");
  if (options.upcast && query.scalar_type() != torch::kFloat) {
    AttentionOptions rest = options;
    rest.upcast = false;
    return attend(query.to(torch::kFloat), key.to(torch::kFloat), value.to(torch::kFloat), heads, rest)
        .to(query.scalar_type());
  }
  const bool sees_all = !options.mask.defined() && !options.is_causal && options.dropout == 0;
  if (sees_all && cpu_attention_fits(query, key, value, heads)) {
    return cpu_attention(query, key, value, heads);
  }
  const torch::Tensor q = split_heads(query, heads);
  const torch::Tensor k = split_heads(key, heads);
  const torch::Tensor v = split_heads(value, heads);
  const auto mask = options.mask.defined() ? std::optional(options.mask) : std::nullopt;
  const bool is_plain = q.is_cpu() && q.scalar_type() == torch::kBFloat16 && q.requires_grad() && !mask &&
                        std::max(q.size(2), k.size(2)) <= kShortSequence;
  const torch::Tensor mixed =
      is_plain ? std::get<0>(
                     at::_scaled_dot_product_attention_math(q, k, v, {}, options.dropout, options.is_causal))
               : torch::scaled_dot_product_attention(q, k, v, mask, options.dropout, options.is_causal);
  return mixed.transpose(1, 2).flatten(2);
}

Context Context::kept(torch::Tensor tokens) {
  Context context(std::move(tokens));
  context.kept_ = std::make_shared<std::unordered_map<const void*, KeysValues>>();
  return context;
}

Context::KeysValues Context::keys_values(const void* layer, const std::function<KeysValues()>& make) const {
  if (!kept_) {
    return make();
  }
  TORCH_CHECK(!at::GradMode::is_enabled(), "kept keys and values give no gradients");
  const auto [place, is_new] = kept_->try_emplace(layer);
  KeysValues& kept = place->second;
  if (is_new) {
    kept = make();
  } else if (kept.is_old) {
    const KeysValues made = make();
    kept.keys.copy_(made.keys);
    kept.values.copy_(made.values);
    kept.is_old = false;
  }
  return kept;
}

void Context::replace(const torch::Tensor& tokens) {
  TORCH_CHECK(kept_ && tokens.sizes() == tokens_.sizes(), "expected a kept context of shape ",
              tokens.sizes());
  tokens_.copy_(tokens);
  for (auto& [layer, kept] : *kept_) {
    kept.is_old = true;
  }
}

AttentionImpl::AttentionImpl(const AttentionShape& shape)
    : shape_(shape),
      to_q_(register_module("to_q", Linear(shape.width, shape.width, shape.qkv_bias))),
      to_k_(register_module(
          "to_k", Linear(shape.context > 0 ? shape.context : shape.width, shape.width, shape.qkv_bias))),
      to_v_(register_module(
          "to_v", Linear(shape.context > 0 ? shape.context : shape.width, shape.width, shape.qkv_bias))),
      to_out_(register_module("to_out", torch::nn::ModuleList(Linear(shape.width, shape.width)))) {}

torch::Tensor AttentionImpl::forward(const torch::Tensor& x, const Context& context) {
  const Context::KeysValues of_context = context.keys_values(this, [&]() -> Context::KeysValues {
    return {.keys = to_k_(context.tokens()), .values = to_v_(context.tokens()), .is_old = false};
  });
  const torch::Tensor mixed =
      attend(to_q_(x), of_context.keys, of_context.values, shape_.heads, {.upcast = shape_.upcast});
  return to_out_[0]->as<Linear>()->forward(mixed);
}

SpatialAttentionImpl::SpatialAttentionImpl(std::int64_t channels, std::int64_t groups, double eps)
    : group_norm_(register_module("group_norm", GroupNorm(groups, channels, eps))),
      to_q_(register_module("to_q", Linear(channels, channels))),
      to_k_(register_module("to_k", Linear(channels, channels))),
      to_v_(register_module("to_v", Linear(channels, channels))),
      to_out_(register_module("to_out", torch::nn::ModuleList(Linear(channels, channels)))) {}

torch::Tensor SpatialAttentionImpl::forward(const torch::Tensor& input) {
  const std::int64_t height = input.size(2);
  const torch::Tensor pixels = group_norm_(input).flatten(2).transpose(1, 2);  // [B, H*W, C]
  const torch::Tensor mixed = attend(to_q_(pixels), to_k_(pixels), to_v_(pixels), 1);
  const torch::Tensor out = to_out_[0]->as<Linear>()->forward(mixed);
  return add_to(out.transpose(1, 2).unflatten(2, {height, -1}), input);
}

}  // namespace medisyn
