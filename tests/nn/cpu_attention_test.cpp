#include "medisyn/nn/cpu_attention.h"

#include <gtest/gtest.h>
#include <torch/torch.h>

#include <cmath>
#include <functional>

#include "medisyn/nn/attention.h"

namespace medisyn {
namespace {

struct Shape {
  std::int64_t images, heads, queries, keys, width;
};

std::ostream& operator<<(std::ostream& out, const Shape& shape) {
  return out << shape.images << " images, " << shape.heads << " heads, " << shape.queries << " x "
             << shape.keys << " x " << shape.width;
}

// The published head widths, odd ones, one key, a text, more than one tile of queries and of keys.
const Shape kShapes[] = {{1, 1, 1, 1, 1},      {2, 3, 5, 7, 7},      {1, 2, 64, 64, 8},
                         {2, 8, 33, 77, 40},   {1, 2, 65, 513, 40},  {1, 2, 130, 1100, 64},
                         {1, 3, 100, 77, 72},  {1, 2, 50, 1, 80},    {2, 1, 67, 300, 96},
                         {1, 2, 31, 129, 100}, {1, 2, 40, 600, 160}, {1, 1, 70, 530, 512}};

struct Inputs {
  torch::Tensor q, k, v;

  explicit Inputs(const Shape& shape, double spread = 1) {
    torch::manual_seed(3);
    q = spread * torch::randn({shape.images, shape.queries, shape.heads * shape.width});
    k = torch::randn({shape.images, shape.keys, shape.heads * shape.width});
    v = torch::randn({shape.images, shape.keys, shape.heads * shape.width});
  }
  Inputs to(torch::ScalarType dtype) const {
    Inputs cast = *this;
    cast.q = q.to(dtype);
    cast.k = k.to(dtype);
    cast.v = v.to(dtype);
    return cast;
  }
};

torch::Tensor heads_of(const torch::Tensor& x, std::int64_t heads) {
  return x.unflatten(-1, {heads, -1}).transpose(1, 2);
}

/// torch's own, by plain products in the dtype of the inputs (fp64: the truth).
torch::Tensor by_torch(const Inputs& x, std::int64_t heads) {
  const auto mixed =
      torch::scaled_dot_product_attention(heads_of(x.q, heads), heads_of(x.k, heads), heads_of(x.v, heads));
  return mixed.transpose(1, 2).flatten(2);
}

double worst(const torch::Tensor& found, const torch::Tensor& expected) {
  return (found.to(torch::kDouble) - expected).abs().max().item<double>();
}

class CpuAttention : public testing::Test {
 protected:
  void SetUp() override {
    const Inputs x({1, 1, 1, 1, 1});
    if (!cpu_attention_fits(x.q, x.k, x.v, 1)) {
      GTEST_SKIP() << "no AVX-512 here";
    }
    has_bf16_ =
        cpu_attention_fits(x.q.to(torch::kBFloat16), x.k.to(torch::kBFloat16), x.v.to(torch::kBFloat16), 1);
  }
  torch::NoGradGuard no_grad_;
  bool has_bf16_ = false;
};

TEST_F(CpuAttention, FollowsTheFormulaInFp32) {
  for (const Shape& shape : kShapes) {
    const Inputs x(shape);
    EXPECT_LT(worst(cpu_attention(x.q, x.k, x.v, shape.heads), by_torch(x.to(torch::kDouble), shape.heads)),
              2e-6)
        << shape;
  }
}

TEST_F(CpuAttention, ErrsInBf16NoMoreThanTwiceAsMuchAsTorch) {
  if (!has_bf16_) {
    GTEST_SKIP() << "no AVX512_BF16 here";
  }
  for (const Shape& shape : kShapes) {
    const Inputs x = Inputs(shape).to(torch::kBFloat16);
    const auto truth = by_torch(x.to(torch::kDouble), shape.heads);
    const double theirs = worst(by_torch(x, shape.heads), truth);
    EXPECT_LE(worst(cpu_attention(x.q, x.k, x.v, shape.heads), truth), 2 * theirs) << shape;
  }
}

TEST_F(CpuAttention, LargeScoresDoNotOverflow) {
  const Shape shape{1, 2, 20, 600, 40};
  const Inputs x(shape, 1000);
  EXPECT_LT(worst(cpu_attention(x.q, x.k, x.v, shape.heads), by_torch(x.to(torch::kDouble), shape.heads)),
            1e-2);
  const Inputs huge(shape, 1e30);
  EXPECT_TRUE(cpu_attention(huge.q, huge.k, huge.v, shape.heads).isfinite().all().item<bool>());
}

TEST_F(CpuAttention, NanStaysNan) {
  const Shape shape{2, 2, 5, 600, 40};
  for (const auto dtype : {torch::kFloat, torch::kBFloat16}) {
    if (dtype == torch::kBFloat16 && !has_bf16_) {
      continue;
    }
    for (const std::int64_t key : {0, 37, 599}) {
      Inputs x = Inputs(shape).to(dtype);
      x.k[1][key][41] = NAN;  // of the second head of the second image
      const auto out = cpu_attention(x.q, x.k, x.v, shape.heads);
      EXPECT_TRUE(out[1].narrow(1, 40, 40).isnan().all().item<bool>()) << key;
      EXPECT_FALSE(out[0].isnan().any().item<bool>() || out[1].narrow(1, 0, 40).isnan().any().item<bool>());
      x = Inputs(shape).to(dtype);
      x.v[0][key][3] = NAN;
      const auto mixed = cpu_attention(x.q, x.k, x.v, shape.heads);
      EXPECT_TRUE(mixed[0].select(1, 3).isnan().all().item<bool>());
      EXPECT_EQ(mixed.isnan().sum().item<std::int64_t>(), shape.queries);
    }
  }
}

TEST_F(CpuAttention, ImagesDependOnNothingElseInTheBatch) {
  const Shape shape{3, 4, 100, 77, 40};
  const Inputs x(shape);
  const auto whole = cpu_attention(x.q, x.k, x.v, shape.heads);
  for (std::int64_t image = 0; image < shape.images; ++image) {
    const auto one = [&](const torch::Tensor& tensor) { return tensor.narrow(0, image, 1); };
    EXPECT_TRUE(torch::equal(one(whole), cpu_attention(one(x.q), one(x.k), one(x.v), shape.heads)));
  }
}

TEST_F(CpuAttention, ReadsThroughStrides) {
  torch::manual_seed(4);
  const auto qkv = torch::randn({2, 50, 3 * 80});
  const auto part = [&](std::int64_t i) { return qkv.narrow(2, i * 80, 80); };
  const auto expected = cpu_attention(part(0).contiguous(), part(1).contiguous(), part(2).contiguous(), 2);
  EXPECT_TRUE(torch::equal(cpu_attention(part(0), part(1), part(2), 2), expected));
  const auto turned = [&](std::int64_t i) { return part(i).transpose(1, 2).contiguous().transpose(1, 2); };
  EXPECT_TRUE(torch::equal(cpu_attention(turned(0), turned(1), turned(2), 2), expected));
}

TEST_F(CpuAttention, AttendTakesIt) {
  const Inputs x({1, 2, 30, 40, 40});
  EXPECT_TRUE(torch::equal(attend(x.q, x.k, x.v, 2), cpu_attention(x.q, x.k, x.v, 2)));
}

/// The gradients of sum(weights * attention) for q, k and v.
std::vector<torch::Tensor> gradients(const Inputs& inputs, const torch::Tensor& weights,
                                     const std::function<torch::Tensor(const Inputs&)>& attention) {
  const torch::AutoGradMode with_gradients(true);
  Inputs x = inputs;
  for (torch::Tensor* tensor : {&x.q, &x.k, &x.v}) {
    *tensor = tensor->detach().requires_grad_();
  }
  return torch::autograd::grad({(attention(x) * weights.to(x.q.scalar_type())).sum()}, {x.q, x.k, x.v});
}

/// Of our gradients and of torch's in the same dtype, how far each is from the truth, as a share of its norm.
void expect_gradients(const Shape& shape, torch::ScalarType dtype, double spread, double least) {
  const Inputs x = Inputs(shape, spread).to(dtype);
  const auto weights = torch::randn_like(x.q);
  const auto plain = [&](const Inputs& inputs) { return by_torch(inputs, shape.heads); };
  const auto truth = gradients(x.to(torch::kDouble), weights, plain);
  const auto theirs = gradients(x, weights, plain);
  const auto ours = gradients(x, weights, [&](const Inputs& inputs) {
    return cpu_attention(inputs.q, inputs.k, inputs.v, shape.heads);
  });
  for (std::size_t i = 0; i < truth.size(); ++i) {
    const double norm = truth[i].norm().item<double>() + 1e-12;
    const auto error = [&](const torch::Tensor& found) {
      return (found.to(torch::kDouble) - truth[i]).norm().item<double>() / norm;
    };
    EXPECT_EQ(ours[i].scalar_type(), dtype);
    // The gradients for one key's score are differences of equal numbers: compared in full there.
    const double allowed = shape.keys == 1 && i < 2 ? 1e9 : std::max(least, 2 * error(theirs[i]));
    EXPECT_LE(error(ours[i]), allowed) << shape << ", input " << i << ", torch " << error(theirs[i]);
  }
}

TEST_F(CpuAttention, GradientsInFp32) {
  for (const Shape& shape : kShapes) {
    expect_gradients(shape, torch::kFloat, 1, 2e-6);
    expect_gradients(shape, torch::kFloat, 20, 2e-5);  // scores of hundreds
  }
}

TEST_F(CpuAttention, GradientsErrInBf16NoMoreThanTwiceAsMuchAsTorch) {
  if (!has_bf16_) {
    GTEST_SKIP() << "no AVX512_BF16 here";
  }
  for (const Shape& shape : kShapes) {
    expect_gradients(shape, torch::kBFloat16, 1, 0);
  }
}

TEST_F(CpuAttention, GradientsThroughStridesAndForSomeInputs) {
  torch::manual_seed(4);
  const torch::AutoGradMode with_gradients(true);
  const auto qkv = torch::randn({2, 50, 3 * 80}).requires_grad_();
  const auto part = [&](std::int64_t i) { return qkv.narrow(2, i * 80, 80); };
  const auto weights = torch::randn({2, 80, 50}).transpose(1, 2);
  const auto of = [&](const torch::Tensor& out) {
    return torch::autograd::grad({(out * weights).sum()}, {qkv})[0];
  };
  const auto expected =
      of(torch::scaled_dot_product_attention(heads_of(part(0), 2), heads_of(part(1), 2), heads_of(part(2), 2))
             .transpose(1, 2)
             .flatten(2));
  EXPECT_LT((of(cpu_attention(part(0), part(1), part(2), 2)) - expected).abs().max().item<double>(), 1e-5);
  const auto text = torch::randn({2, 7, 80});  // no gradient for it
  of(cpu_attention(part(0), text, text, 2));
}

TEST_F(CpuAttention, TrainsWhenEachThreadHasAHead) {
  Inputs x({1, 1, 30, 40, 40});
  const torch::AutoGradMode with_gradients(true);
  x.v.requires_grad_();
  const int threads = at::get_num_threads();
  at::set_num_threads(2);
  EXPECT_FALSE(cpu_attention_fits(x.q, x.k, x.v, 1));
  EXPECT_TRUE(cpu_attention_fits(x.q, x.k, x.v, 2));
  at::set_num_threads(threads);
}

TEST(CpuAttentionFits, NothingThatTheKernelCannotRead) {
  const Inputs x({1, 2, 3, 4, 8});
  EXPECT_FALSE(cpu_attention_fits(x.q.to(torch::kDouble), x.k.to(torch::kDouble), x.v.to(torch::kDouble), 2));
  EXPECT_FALSE(cpu_attention_fits(x.q, x.k.to(torch::kHalf), x.v, 2));
  EXPECT_FALSE(cpu_attention_fits(x.q, x.k.narrow(1, 0, 0), x.v.narrow(1, 0, 0), 2));
}

}  // namespace
}  // namespace medisyn
