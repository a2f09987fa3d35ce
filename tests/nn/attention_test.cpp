#include "medisyn/nn/attention.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

namespace medisyn {
namespace {

/// softmax(q k^T / sqrt(d)) v, head by head, as the paper writes it.
torch::Tensor by_formula(const torch::Tensor& q, const torch::Tensor& k, const torch::Tensor& v,
                         std::int64_t heads, bool is_causal) {
  const std::int64_t width = q.size(2) / heads;
  std::vector<torch::Tensor> parts;
  for (std::int64_t head = 0; head < heads; ++head) {
    const auto slice = [&](const torch::Tensor& x) { return x.narrow(2, head * width, width); };
    torch::Tensor scores = slice(q).matmul(slice(k).transpose(1, 2)) / std::sqrt(static_cast<double>(width));
    if (is_causal) {
      scores = scores.masked_fill(torch::ones({q.size(1), k.size(1)}, torch::kBool).triu(1), -INFINITY);
    }
    parts.push_back(scores.softmax(-1).matmul(slice(v)));
  }
  return torch::cat(parts, 2);
}

TEST(Attention, FollowsTheFormula) {
  torch::manual_seed(1);
  const torch::Tensor q = torch::randn({2, 5, 12});
  const torch::Tensor k = torch::randn({2, 7, 12});
  const torch::Tensor v = torch::randn({2, 7, 12});
  for (const std::int64_t heads : {1, 3}) {
    EXPECT_TRUE(torch::allclose(attend(q, k, v, heads), by_formula(q, k, v, heads, false), 1e-5, 1e-6));
    EXPECT_TRUE(torch::allclose(attend(q, k, v, heads, {.upcast = true}), by_formula(q, k, v, heads, false),
                                1e-5, 1e-6));
    EXPECT_TRUE(torch::allclose(attend(k, k, v, heads, {.is_causal = true}), by_formula(k, k, v, heads, true),
                                1e-5, 1e-6));
  }
}

TEST(Attention, CausalTokensSeeNothingThatFollows) {
  torch::manual_seed(2);
  const torch::Tensor x = torch::randn({1, 6, 8});
  torch::Tensor changed = x.clone();
  changed.narrow(1, 4, 2).add_(1);
  const torch::Tensor before = attend(x, x, x, 2, {.is_causal = true});
  const torch::Tensor after = attend(changed, changed, changed, 2, {.is_causal = true});
  EXPECT_TRUE(torch::equal(before.narrow(1, 0, 4), after.narrow(1, 0, 4)));
  EXPECT_FALSE(torch::allclose(before.narrow(1, 4, 2), after.narrow(1, 4, 2)));
}

TEST(Attention, ParameterNamesAreTheReferences) {
  const Attention attention(AttentionShape{.width = 8, .context = 6, .heads = 2});
  std::vector<std::string> names;
  for (const auto& item : attention->named_parameters()) {
    names.push_back(item.key());
  }
  EXPECT_EQ(names, (std::vector<std::string>{"to_q.weight", "to_k.weight", "to_v.weight", "to_out.0.weight",
                                             "to_out.0.bias"}));
}

}  // namespace
}  // namespace medisyn
