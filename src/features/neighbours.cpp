#include "medisyn/features/neighbours.h"

#include <torch/nn/functional.h>

#include <algorithm>
#include <vector>

namespace medisyn {
namespace {

constexpr std::int64_t kQueries = 1024;        // of a block of scores
constexpr std::int64_t kReferences = 1 << 16;  // 256 MiB of scores with them

torch::Tensor unit_rows(const torch::Tensor& rows) {
  return torch::nn::functional::normalize(rows, torch::nn::functional::NormalizeFuncOptions().dim(1));
}

/// The k largest of each row with their columns, largest first.
Neighbours largest(const torch::Tensor& scores, std::int64_t k) {
  if (k == 1) {  // many times faster than topk
    const auto [values, columns] = scores.max(/*dim=*/1, /*keepdim=*/true);
    return {columns, values};
  }
  const auto [values, columns] = scores.topk(k, /*dim=*/1);
  return {columns, values};
}

/// The k nearest out of those of two sets of references.
Neighbours merged(const Neighbours& a, const Neighbours& b, std::int64_t k) {
  const torch::Tensor similarity = torch::cat({a.similarity, b.similarity}, 1);
  const Neighbours best = largest(similarity, std::min(k, similarity.size(1)));
  return {torch::cat({a.indices, b.indices}, 1).gather(1, best.indices), best.similarity};
}

/// Of unit rows [B, D] among all references.
Neighbours nearest_of_block(const torch::Tensor& rows, const torch::Tensor& references, std::int64_t k) {
  Neighbours nearest;
  for (std::int64_t first = 0; first < references.size(0); first += kReferences) {
    const std::int64_t count = std::min(kReferences, references.size(0) - first);
    const torch::Tensor columns = unit_rows(references.narrow(0, first, count)).t();
    Neighbours found = largest(rows.matmul(columns), std::min(k, count));
    found.indices += first;
    nearest = first == 0 ? found : merged(nearest, found, k);
  }
  return nearest;
}

}  // namespace

Neighbours nearest_by_cosine(const torch::Tensor& queries, const torch::Tensor& references, std::int64_t k) {
  TORCH_CHECK(k >= 1 && k <= references.size(0), "k = ", k, " of ", references.size(0), " references");
  const torch::InferenceMode inference;
  std::vector<torch::Tensor> indices;
  std::vector<torch::Tensor> similarity;
  for (std::int64_t first = 0; first < queries.size(0); first += kQueries) {
    const std::int64_t count = std::min(kQueries, queries.size(0) - first);
    const Neighbours nearest = nearest_of_block(unit_rows(queries.narrow(0, first, count)), references, k);
    similarity.push_back(nearest.similarity);
    indices.push_back(nearest.indices);
  }
  return {torch::cat(indices), torch::cat(similarity)};
}

}  // namespace medisyn
