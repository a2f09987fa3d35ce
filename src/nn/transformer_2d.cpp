#include "medisyn/nn/transformer_2d.h"

#include "medisyn/nn/cpu_elementwise.h"
#include "medisyn/nn/recompute.h"

namespace medisyn {
namespace {

// Fixed in the reference, whatever norm_eps the U-Net's config gives its resnet blocks.
constexpr double kGroupNormEps = 1e-6;
constexpr double kLayerNormEps = 1e-5;

/// Without gradients a CPU takes so many tokens through a feed-forward at a time: what is 8 D wide inside
/// stays in the cache, and its memory is used again instead of being asked of the system.
constexpr std::int64_t kFeedForwardTokens = 1024;

/// Half of what it computes gates the other half.
class GEGLUImpl : public torch::nn::Module {
 public:
  GEGLUImpl(std::int64_t in, std::int64_t out) : proj_(register_module("proj", Linear(in, 2 * out))) {}

  torch::Tensor forward(const torch::Tensor& x) {
    const torch::Tensor both = proj_(x);
    if (cpu_gate_fits(both)) {
      return cpu_gate(both);
    }
    const std::vector<torch::Tensor> halves = both.chunk(2, -1);
    return halves[0] * torch::gelu(halves[1]);
  }

 private:
  Linear proj_;
};
TORCH_MODULE(GEGLU);

}  // namespace

FeedForwardImpl::FeedForwardImpl(std::int64_t width)
    : net_(register_module("net", torch::nn::ModuleList(GEGLU(width, 4 * width), torch::nn::Identity(),
                                                        Linear(4 * width, width)))) {}

torch::Tensor FeedForwardImpl::forward(const torch::Tensor& x) {
  const auto run = [this](const torch::Tensor& tokens) {
    return net_[2]->as<Linear>()->forward(net_[0]->as<GEGLU>()->forward(tokens));
  };
  const torch::Tensor tokens = x.flatten(0, -2);  // [B*L, D]
  if (at::GradMode::is_enabled() || !x.is_cpu() || tokens.size(0) <= kFeedForwardTokens) {
    return run(x);
  }
  torch::Tensor out = torch::empty_like(tokens);
  for (std::int64_t first = 0; first < tokens.size(0); first += kFeedForwardTokens) {
    const std::int64_t count = std::min(kFeedForwardTokens, tokens.size(0) - first);
    out.narrow(0, first, count).copy_(run(tokens.narrow(0, first, count)));
  }
  return out.view(x.sizes());
}

BasicTransformerBlockImpl::BasicTransformerBlockImpl(const AttentionShape& self_attention,
                                                     const AttentionShape& cross_attention)
    : norm1_(register_module("norm1", LayerNorm(self_attention.width, kLayerNormEps))),
      attn1_(register_module("attn1", Attention(self_attention))),
      norm2_(register_module("norm2", LayerNorm(self_attention.width, kLayerNormEps))),
      attn2_(register_module("attn2", Attention(cross_attention))),
      norm3_(register_module("norm3", LayerNorm(self_attention.width, kLayerNormEps))),
      ff_(register_module("ff", FeedForward(self_attention.width))) {}

torch::Tensor BasicTransformerBlockImpl::forward(const torch::Tensor& x, const Context& text) {
  const auto block = [this](const torch::Tensor& input, const Context& context) {
    const torch::Tensor normed = norm1_(input);
    torch::Tensor hidden = add_to(attn1_(normed, normed), input);
    hidden = add_to(attn2_(norm2_(hidden), context), hidden);
    return add_to(ff_(norm3_(hidden)), hidden);
  };
  return at::GradMode::is_enabled() ? recomputed(block, x, text.tokens()) : block(x, text);
}

Transformer2DModelImpl::Transformer2DModelImpl(const Transformer2DShape& shape)
    : norm_(register_module("norm", GroupNorm(shape.groups, shape.channels, kGroupNormEps))) {
  const ConvShape pointwise{.in = shape.channels, .out = shape.channels, .kernel = 1, .padding = 0};
  if (shape.use_linear_projection) {
    linear_in_ = register_module("proj_in", Linear(shape.channels, shape.channels));
  } else {
    conv_in_ = register_module("proj_in", Conv2d(pointwise));
  }
  const AttentionShape attention{.width = shape.channels, .heads = shape.heads, .upcast = shape.upcast};
  AttentionShape cross_attention = attention;
  cross_attention.context = shape.context;
  register_module("transformer_blocks", transformer_blocks_);
  for (std::int64_t layer = 0; layer < shape.layers; ++layer) {
    transformer_blocks_->push_back(BasicTransformerBlock(attention, cross_attention));
  }
  if (shape.use_linear_projection) {
    linear_out_ = register_module("proj_out", Linear(shape.channels, shape.channels));
  } else {
    conv_out_ = register_module("proj_out", Conv2d(pointwise));
  }
}

torch::Tensor Transformer2DModelImpl::forward(const torch::Tensor& x, const Context& text) {
  const std::int64_t height = x.size(2);
  torch::Tensor hidden = norm_(x).flatten(2).transpose(1, 2);  // [B, H*W, C]
  hidden = linear_in_ ? linear_in_(hidden) : conv_in_->on_tokens(hidden);
  for (const auto& block : *transformer_blocks_) {
    hidden = block->as<BasicTransformerBlock>()->forward(hidden, text);
  }
  hidden = linear_out_ ? linear_out_(hidden) : conv_out_->on_tokens(hidden);
  return add_to(hidden.transpose(1, 2).unflatten(2, {height, -1}), x);
}

}  // namespace medisyn
