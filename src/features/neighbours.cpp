#include "medisyn/features/neighbours.h"

#include <torch/nn/functional.h>

#include <algorithm>
#include <vector>

namespace medisyn {
namespace {

constexpr std::int64_t kBlock = 1024;

torch::Tensor unit_rows(const torch::Tensor& rows) {
  return torch::nn::functional::normalize(rows, torch::nn::functional::NormalizeFuncOptions().dim(1));
}

}  // namespace

Neighbours nearest_by_cosine(const torch::Tensor& queries, const torch::Tensor& references, std::int64_t k) {
  TORCH_CHECK(k >= 1 && k <= references.size(0), "k = ", k, " of ", references.size(0), " references");
  const torch::InferenceMode inference;
  const torch::Tensor columns = unit_rows(references).t();
  std::vector<torch::Tensor> indices;
  std::vector<torch::Tensor> similarity;
  for (std::int64_t first = 0; first < queries.size(0); first += kBlock) {
    const std::int64_t count = std::min(kBlock, queries.size(0) - first);
    const torch::Tensor scores = unit_rows(queries.narrow(0, first, count)).matmul(columns);
    const auto [values, positions] = scores.topk(k, /*dim=*/1);
    similarity.push_back(values);
    indices.push_back(positions);
  }
  return {torch::cat(indices), torch::cat(similarity)};
}

}  // namespace medisyn
