#include "medisyn/eval/neighbourhoods.h"

#include <algorithm>
#include <limits>

namespace medisyn {
namespace {

constexpr std::int64_t kBlock = 1024;
constexpr double kNothing = 1e-13;  // of the squared lengths: the distance of equal rows, but for rounding

/// Rows with their squared lengths.
struct Points {
  torch::Tensor rows;     ///< [N, D] double
  torch::Tensor squares;  ///< [N]

  std::int64_t count() const { return rows.size(0); }
  Points block(std::int64_t first) const {
    const std::int64_t size = std::min(kBlock, count() - first);
    return {rows.narrow(0, first, size), squares.narrow(0, first, size)};
  }
};

Points points_of(const torch::Tensor& rows, const torch::Tensor& centre) {
  const torch::Tensor centred = rows.to(torch::kCPU, torch::kDouble) - centre;
  return {centred, centred.square().sum(1)};
}

/// |a - b|^2: [A, B]
torch::Tensor squared_distances(const Points& a, const Points& b) {
  const torch::Tensor lengths = a.squares.unsqueeze(1) + b.squares;
  const torch::Tensor distances = torch::addmm(lengths, a.rows, b.rows.t(), /*beta=*/1, /*alpha=*/-2);
  return distances.masked_fill_(distances <= kNothing * lengths, 0);
}

/// The squared distance of each row to its k-th nearest neighbour: [N]
torch::Tensor squared_radii(const Points& points, std::int64_t k) {
  torch::Tensor radii = torch::empty({points.count()}, torch::kDouble);
  for (std::int64_t first = 0; first < points.count(); first += kBlock) {
    const Points block = points.block(first);
    const torch::Tensor distances = squared_distances(block, points);
    distances.diagonal(first).fill_(std::numeric_limits<double>::infinity());  // itself
    radii.narrow(0, first, block.count())
        .copy_(std::get<0>(distances.topk(k, /*dim=*/1, /*largest=*/false)).select(1, k - 1));
  }
  return radii;
}

double share(const torch::Tensor& flags) { return flags.to(torch::kDouble).mean().item<double>(); }

}  // namespace

Neighbourhoods neighbourhoods(const torch::Tensor& real, const torch::Tensor& generated, std::int64_t k) {
  TORCH_CHECK(k >= 1 && k < real.size(0) && k < generated.size(0), "the ", k, " nearest of ", real.size(0),
              " and ", generated.size(0));
  const torch::InferenceMode inference;
  const torch::Tensor centre = real.to(torch::kCPU, torch::kDouble).mean(0);
  const Points a = points_of(real, centre);
  const Points b = points_of(generated, centre);
  const torch::Tensor real_radii = squared_radii(a, k);
  const torch::Tensor generated_radii = squared_radii(b, k);
  const torch::Tensor is_precise = torch::zeros({b.count()}, torch::kBool);
  const torch::Tensor is_recalled = torch::zeros({a.count()}, torch::kBool);
  torch::Tensor nearest = torch::full({a.count()}, std::numeric_limits<double>::infinity(), torch::kDouble);
  double balls = 0;
  for (std::int64_t first = 0; first < b.count(); first += kBlock) {
    const Points block = b.block(first);
    const torch::Tensor distances = squared_distances(block, a);  // [block, N]
    is_precise.narrow(0, first, block.count()).copy_((distances <= real_radii).any(1));
    balls += (distances < real_radii).sum().item<double>();
    const torch::Tensor radii = generated_radii.narrow(0, first, block.count()).unsqueeze(1);
    is_recalled.logical_or_((distances <= radii).any(0));
    nearest = torch::minimum(nearest, distances.amin(0));
  }
  return {.precision = share(is_precise),
          .recall = share(is_recalled),
          .density = balls / static_cast<double>(k * b.count()),
          .coverage = share(nearest < real_radii),
          .k = k};
}

}  // namespace medisyn
