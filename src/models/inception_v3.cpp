#include "medisyn/models/inception_v3.h"

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "medisyn/models/folded_conv.h"

namespace medisyn {
namespace {

constexpr double kBatchNormEps = 1e-3;

/// What a branch does to its input before its convolutions.
enum class Pool { kNone, kAverage, kMax, kMaxHalving };

/// One convolution with its norm: a kernel of rows x columns, "same" padding unless it halves the size.
struct ConvSpec {
  std::string name;
  std::int64_t out;
  std::array<std::int64_t, 2> kernel = {1, 1};
  std::int64_t stride = 1;
};

/// input ─ pool ─ chain ─ fork, the fork's outputs side by side (the chain's own without a fork).
struct BranchSpec {
  Pool pool = Pool::kNone;
  std::vector<ConvSpec> chain = {};
  std::vector<ConvSpec> fork = {};
};
using BlockSpec = std::vector<BranchSpec>;

constexpr std::array<std::int64_t, 2> k3x3 = {3, 3};
constexpr std::array<std::int64_t, 2> k5x5 = {5, 5};
constexpr std::array<std::int64_t, 2> k1x7 = {1, 7};
constexpr std::array<std::int64_t, 2> k7x1 = {7, 1};
constexpr std::array<std::int64_t, 2> k1x3 = {1, 3};
constexpr std::array<std::int64_t, 2> k3x1 = {3, 1};

BlockSpec block_a(std::int64_t pool_features) {
  return {{.chain = {{"branch1x1", 64}}},
          {.chain = {{"branch5x5_1", 48}, {"branch5x5_2", 64, k5x5}}},
          {.chain = {{"branch3x3dbl_1", 64}, {"branch3x3dbl_2", 96, k3x3}, {"branch3x3dbl_3", 96, k3x3}}},
          {.pool = Pool::kAverage, .chain = {{"branch_pool", pool_features}}}};
}

BlockSpec block_b() {
  return {{.chain = {{"branch3x3", 384, k3x3, 2}}},
          {.chain = {{"branch3x3dbl_1", 64}, {"branch3x3dbl_2", 96, k3x3}, {"branch3x3dbl_3", 96, k3x3, 2}}},
          {.pool = Pool::kMaxHalving}};
}

BlockSpec block_c(std::int64_t inside) {
  return {{.chain = {{"branch1x1", 192}}},
          {.chain = {{"branch7x7_1", inside}, {"branch7x7_2", inside, k1x7}, {"branch7x7_3", 192, k7x1}}},
          {.chain = {{"branch7x7dbl_1", inside},
                     {"branch7x7dbl_2", inside, k7x1},
                     {"branch7x7dbl_3", inside, k1x7},
                     {"branch7x7dbl_4", inside, k7x1},
                     {"branch7x7dbl_5", 192, k1x7}}},
          {.pool = Pool::kAverage, .chain = {{"branch_pool", 192}}}};
}

BlockSpec block_d() {
  return {{.chain = {{"branch3x3_1", 192}, {"branch3x3_2", 320, k3x3, 2}}},
          {.chain = {{"branch7x7x3_1", 192},
                     {"branch7x7x3_2", 192, k1x7},
                     {"branch7x7x3_3", 192, k7x1},
                     {"branch7x7x3_4", 192, k3x3, 2}}},
          {.pool = Pool::kMaxHalving}};
}

BlockSpec block_e(Pool pool) {
  return {
      {.chain = {{"branch1x1", 320}}},
      {.chain = {{"branch3x3_1", 384}}, .fork = {{"branch3x3_2a", 384, k1x3}, {"branch3x3_2b", 384, k3x1}}},
      {.chain = {{"branch3x3dbl_1", 448}, {"branch3x3dbl_2", 384, k3x3}},
       .fork = {{"branch3x3dbl_3a", 384, k1x3}, {"branch3x3dbl_3b", 384, k3x1}}},
      {.pool = pool, .chain = {{"branch_pool", 192}}}};
}

/// conv ─ bn ─ ReLU
class BasicConv2dImpl : public torch::nn::Module {
 public:
  BasicConv2dImpl(std::int64_t in, const ConvSpec& spec, bool is_padded) {
    const auto conv = register_module(
        "conv", torch::nn::Conv2d(
                    torch::nn::Conv2dOptions(in, spec.out, {spec.kernel[0], spec.kernel[1]})
                        .stride(spec.stride)
                        .padding({is_padded ? spec.kernel[0] / 2 : 0, is_padded ? spec.kernel[1] / 2 : 0})
                        .bias(false)));
    const auto options = torch::nn::BatchNorm2dOptions(spec.out).eps(kBatchNormEps);
    layer_ = NormedConv(conv, register_module("bn", torch::nn::BatchNorm2d(options)));
  }
  torch::Tensor forward(const torch::Tensor& input) { return torch::relu(layer_.forward(input)); }

  /// What forward() takes the ReLU of.
  torch::Tensor sums(const torch::Tensor& input) const { return layer_.forward(input); }

  NormedConv& layer() { return layer_; }

 private:
  NormedConv layer_;
};
TORCH_MODULE(BasicConv2d);

torch::Tensor pooled(const torch::Tensor& input, Pool pool) {
  switch (pool) {
    case Pool::kAverage:
      return torch::avg_pool2d(input, 3, 1, 1, /*ceil_mode=*/false, /*count_include_pad=*/false);
    case Pool::kMax:
      return torch::max_pool2d(input, 3, 1, 1);
    case Pool::kMaxHalving:
      return torch::max_pool2d(input, 3, 2);
    default:
      return input;
  }
}

/// Branches side by side, joined along the channels.
///
/// Folded, what the branches' first 1x1 convolutions make of the block's input is one product, the average
/// pool behind it instead of in front (both are linear, and its means of a constant bias are the bias), and
/// the ReLU of all outputs is taken at once.
class InceptionBlockImpl : public torch::nn::Module {
 public:
  InceptionBlockImpl(std::int64_t in, const BlockSpec& spec) {
    for (const BranchSpec& branch_spec : spec) {
      Branch branch{.pool = branch_spec.pool};
      const ConvSpec* first = branch_spec.chain.empty() ? nullptr : branch_spec.chain.data();
      if (first != nullptr && first->kernel == std::array<std::int64_t, 2>{1, 1} &&
          (branch.pool == Pool::kNone || branch.pool == Pool::kAverage)) {
        branch.head_width = first->out;
      }
      std::int64_t channels = in;
      for (const ConvSpec& conv : branch_spec.chain) {
        branch.chain.push_back(add(channels, conv));
        channels = conv.out;
      }
      for (const ConvSpec& conv : branch_spec.fork) {
        branch.fork.push_back(add(channels, conv));
        out_ += conv.out;
      }
      out_ += branch_spec.fork.empty() ? channels : 0;
      branches_.push_back(std::move(branch));
    }
  }

  void fold() {
    std::vector<ConvWeights> heads;
    for (Branch& branch : branches_) {
      for (std::size_t i = 0; i < branch.chain.size(); ++i) {
        if (i == 0 && branch.head_width > 0) {
          heads.push_back(branch.chain[i]->layer().weights());
        } else {
          branch.chain[i]->layer().fold();
        }
      }
      for (BasicConv2d& conv : branch.fork) {
        conv->layer().fold();
      }
    }
    heads_ = heads.empty() ? FoldedConv() : FoldedConv(side_by_side(heads));
  }

  /// forward() after fold()
  torch::Tensor forward_folded(const torch::Tensor& input) const {
    const torch::Tensor heads = heads_.defined() ? heads_.forward(input) : torch::Tensor();
    std::vector<torch::Tensor> parts;
    std::int64_t begin = 0;
    for (const Branch& branch : branches_) {
      const bool has_head = branch.head_width > 0;
      torch::Tensor hidden =
          pooled(has_head ? heads.narrow(1, begin, branch.head_width) : input, branch.pool);
      begin += branch.head_width;
      for (std::size_t i = has_head ? 1 : 0; i < branch.chain.size(); ++i) {
        hidden = branch.chain[i]->sums(i == 0 ? hidden : torch::relu(hidden));
      }
      const torch::Tensor forked = branch.fork.empty() ? hidden : torch::relu(hidden);
      for (const BasicConv2d& conv : branch.fork) {
        parts.push_back(conv->sums(forked));
      }
      if (branch.fork.empty()) {
        parts.push_back(hidden);
      }
    }
    return torch::cat(parts, 1).relu_();
  }

  torch::Tensor forward(const torch::Tensor& input) {
    std::vector<torch::Tensor> parts;
    for (Branch& branch : branches_) {
      torch::Tensor hidden = pooled(input, branch.pool);
      for (BasicConv2d& conv : branch.chain) {
        hidden = conv(hidden);
      }
      for (BasicConv2d& conv : branch.fork) {
        parts.push_back(conv(hidden));
      }
      if (branch.fork.empty()) {
        parts.push_back(hidden);
      }
    }
    return torch::cat(parts, 1);
  }

  std::int64_t out() const { return out_; }

 private:
  struct Branch {
    Pool pool;
    std::int64_t head_width = 0;  ///< outputs of its first convolution where that reads the block's input
    std::vector<BasicConv2d> chain = {};
    std::vector<BasicConv2d> fork = {};
  };

  BasicConv2d add(std::int64_t in, const ConvSpec& spec) {
    return register_module(spec.name, BasicConv2d(in, spec, /*is_padded=*/spec.stride == 1));
  }

  std::vector<Branch> branches_;
  FoldedConv heads_;
  std::int64_t out_ = 0;
};
TORCH_MODULE(InceptionBlock);

struct StemConv {
  ConvSpec conv;
  bool is_padded;
  bool pools_after;
};

const std::vector<StemConv>& stem() {
  static const std::vector<StemConv> kStem = {{{"Conv2d_1a_3x3", 32, k3x3, 2}, false, false},
                                              {{"Conv2d_2a_3x3", 32, k3x3}, false, false},
                                              {{"Conv2d_2b_3x3", 64, k3x3}, true, true},
                                              {{"Conv2d_3b_1x1", 80}, false, false},
                                              {{"Conv2d_4a_3x3", 192, k3x3}, false, true}};
  return kStem;
}

const std::vector<std::pair<std::string, BlockSpec>>& blocks() {
  static const std::vector<std::pair<std::string, BlockSpec>> kBlocks = {
      {"Mixed_5b", block_a(32)},        {"Mixed_5c", block_a(64)},
      {"Mixed_5d", block_a(64)},        {"Mixed_6a", block_b()},
      {"Mixed_6b", block_c(128)},       {"Mixed_6c", block_c(160)},
      {"Mixed_6d", block_c(160)},       {"Mixed_6e", block_c(192)},
      {"Mixed_7a", block_d()},          {"Mixed_7b", block_e(Pool::kAverage)},
      {"Mixed_7c", block_e(Pool::kMax)}};
  return kBlocks;
}

}  // namespace

InceptionV3Impl::InceptionV3Impl() : fc_(kFeatures, kClasses) {
  std::int64_t channels = 3;
  for (const auto& [conv, is_padded, pools_after] : stem()) {
    register_module(conv.name, BasicConv2d(channels, conv, is_padded));
    channels = conv.out;
  }
  for (const auto& [name, spec] : blocks()) {
    channels = register_module(name, InceptionBlock(channels, spec))->out();
  }
  TORCH_CHECK(channels == kFeatures, "the blocks give ", channels, " channels");
  register_module("fc", fc_);
}

torch::Tensor InceptionV3Impl::features(const torch::Tensor& images) {
  torch::Tensor hidden = images;
  const auto children = named_children();
  for (const auto& [conv, is_padded, pools_after] : stem()) {
    auto* layer = children[conv.name]->as<BasicConv2d>();
    hidden = is_folded_ ? layer->sums(hidden) : layer->forward(hidden);
    hidden = pools_after ? pooled(hidden, Pool::kMaxHalving) : hidden;
    hidden = is_folded_ ? torch::relu(hidden) : hidden;  // behind the pool there are fewer
  }
  for (const auto& [name, spec] : blocks()) {
    auto* block = children[name]->as<InceptionBlock>();
    hidden = is_folded_ ? block->forward_folded(hidden) : block->forward(hidden);
  }
  return hidden.mean({2, 3});
}

void InceptionV3Impl::fold() {
  const auto children = named_children();
  for (const StemConv& one : stem()) {
    children[one.conv.name]->as<BasicConv2d>()->layer().fold();
  }
  for (const auto& [name, spec] : blocks()) {
    children[name]->as<InceptionBlock>()->fold();
  }
  is_folded_ = true;
}

torch::Tensor InceptionV3Impl::forward(const torch::Tensor& images) { return fc_(features(images)); }

}  // namespace medisyn
