#include "medisyn/nn/embeddings.h"

#include <cmath>

namespace medisyn {
namespace {

constexpr double kLongestPeriod = 10000;

}  // namespace

torch::Tensor sinusoidal_embedding(const torch::Tensor& timesteps, std::int64_t width, bool flip_sin_to_cos,
                                   double freq_shift) {
  TORCH_CHECK(timesteps.dim() == 1, "expected timesteps of shape [B], got ", timesteps.sizes());
  const std::int64_t half = width / 2;
  const auto fp32 = torch::TensorOptions(torch::kFloat).device(timesteps.device());
  const torch::Tensor exponents = torch::arange(half, fp32) * -std::log(kLongestPeriod);
  const torch::Tensor frequencies = (exponents / (static_cast<double>(half) - freq_shift)).exp();
  const torch::Tensor angles = timesteps.to(torch::kFloat).unsqueeze(1) * frequencies;  // [B, D / 2]
  std::vector<torch::Tensor> parts = {angles.sin(), angles.cos()};
  if (flip_sin_to_cos) {
    std::swap(parts[0], parts[1]);
  }
  if (width % 2 == 1) {
    parts.push_back(torch::zeros({timesteps.size(0), 1}, fp32));
  }
  return torch::cat(parts, 1);
}

TimestepEmbeddingImpl::TimestepEmbeddingImpl(std::int64_t in, std::int64_t width)
    : linear_1_(register_module("linear_1", Linear(in, width))),
      linear_2_(register_module("linear_2", Linear(width, width))) {}

torch::Tensor TimestepEmbeddingImpl::forward(const torch::Tensor& sinusoids) {
  return linear_2_(torch::silu(linear_1_(sinusoids)));
}

}  // namespace medisyn
