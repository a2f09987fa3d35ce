#include "medisyn/eval/fid.h"

#include <ATen/CPUGeneratorImpl.h>
#include <torch/types.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "medisyn/core/random_key.h"

namespace medisyn {
namespace {

/// R [D, rank] with R R^T = matrix, which is symmetric and positive semi-definite but for rounding.
torch::Tensor root_of(const torch::Tensor& matrix) {
  const auto [values, vectors] = torch::linalg_eigh(matrix);  // ascending
  const std::int64_t width = matrix.size(0);
  const double least = values[width - 1].item<double>() * static_cast<double>(width) *
                       std::numeric_limits<double>::epsilon();  // of these, what is left is rounding
  const std::int64_t rank = least > 0 ? values.gt(least).sum().item<std::int64_t>() : 0;
  return vectors.narrow(1, width - rank, rank) * values.narrow(0, width - rank, rank).sqrt();
}

/// The mean of kernel values of one set, without those of a row with itself.
double mean_within(const torch::Tensor& rows) {
  const torch::Tensor kernel = (rows.matmul(rows.t()) / static_cast<double>(rows.size(1)) + 1).pow(3);
  const auto n = static_cast<double>(rows.size(0));
  return ((kernel.sum() - kernel.diagonal().sum()) / (n * (n - 1))).item<double>();
}

double mean_between(const torch::Tensor& a, const torch::Tensor& b) {
  return (a.matmul(b.t()) / static_cast<double>(a.size(1)) + 1).pow(3).mean().item<double>();
}

at::Generator generator_of(std::uint64_t seed, std::string_view purpose) {
  return at::make_generator<at::CPUGeneratorImpl>(random_key({seed, hash_text(purpose)}));
}

}  // namespace

FeatureStatistics statistics_of(const torch::Tensor& rows) {
  FeatureStatistics statistics(rows.size(1));
  statistics.add(rows);
  return statistics;
}

FeatureStatistics::FeatureStatistics(std::int64_t width)
    : mean_(torch::zeros({width}, torch::kDouble)), scatter_(torch::zeros({width, width}, torch::kDouble)) {}

void FeatureStatistics::add(const torch::Tensor& rows) {
  if (rows.size(0) == 0) {
    return;
  }
  FeatureStatistics batch(mean_.size(0));
  const torch::Tensor values = rows.to(torch::kCPU, torch::kDouble);
  batch.count_ = rows.size(0);
  batch.mean_ = values.mean(0);
  const torch::Tensor centred = values - batch.mean_;
  batch.scatter_ = centred.t().matmul(centred);
  merge(batch);
}

void FeatureStatistics::merge(const FeatureStatistics& other) {
  if (other.count_ == 0) {
    return;
  }
  const auto mine = static_cast<double>(count_);
  const auto theirs = static_cast<double>(other.count_);
  const torch::Tensor step = other.mean_ - mean_;
  scatter_ = scatter_ + other.scatter_ + torch::outer(step, step) * (mine * theirs / (mine + theirs));
  mean_ = mean_ + step * (theirs / (mine + theirs));
  count_ += other.count_;
}

torch::Tensor FeatureStatistics::covariance() const {
  TORCH_CHECK(count_ >= 2, "a covariance needs two rows, found ", count_);
  return scatter_ / static_cast<double>(count_ - 1);
}

Moments moments_of(const FeatureStatistics& statistics) {
  return {statistics.mean(), statistics.covariance(), statistics.count()};
}

FrechetFrom::FrechetFrom(Moments reference)
    : reference_(std::move(reference)), root_(root_of(reference_.covariance)) {}

double FrechetFrom::to(const Moments& other) const {
  TORCH_CHECK(other.mean.sizes() == reference_.mean.sizes(), "features of one width");
  double cross = 0;
  if (root_.size(1) > 0) {
    const torch::Tensor product = root_.t().matmul(other.covariance.matmul(root_));
    const torch::Tensor values = torch::linalg_eigvalsh((product + product.t()) / 2);
    cross = values.clamp_min(0).sqrt().sum().item<double>();
  }
  const double means = (reference_.mean - other.mean).square().sum().item<double>();
  const double traces = (reference_.covariance.trace() + other.covariance.trace()).item<double>();
  return std::max(means + traces - 2 * cross, 0.0);
}

double frechet_distance(const Moments& a, const Moments& b) {
  const bool is_b_smaller = b.count > 0 && b.count < a.count;  // of lower rank, perhaps
  return is_b_smaller ? FrechetFrom(b).to(a) : FrechetFrom(a).to(b);
}

double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b) {
  return frechet_distance(moments_of(a), moments_of(b));
}

KernelDistance kernel_distance(const torch::Tensor& a, const torch::Tensor& b, std::int64_t subsets,
                               std::int64_t subset_size, std::uint64_t seed) {
  TORCH_CHECK(subset_size >= 2 && subset_size <= std::min(a.size(0), b.size(0)), "subsets of ", subset_size,
              " out of ", a.size(0), " and ", b.size(0));
  const torch::Tensor left = a.to(torch::kDouble);
  const torch::Tensor right = b.to(torch::kDouble);
  auto generator = generator_of(seed, "kid");
  const auto draw = [&](const torch::Tensor& rows) {
    return rows.index_select(0, torch::randperm(rows.size(0), generator).narrow(0, 0, subset_size));
  };
  torch::Tensor distances = torch::empty({subsets}, torch::kDouble);
  for (std::int64_t i = 0; i < subsets; ++i) {
    const torch::Tensor x = draw(left);
    const torch::Tensor y = draw(right);
    distances[i] = mean_within(x) + mean_within(y) - 2 * mean_between(x, y);
  }
  return {distances.mean().item<double>(), distances.std(/*unbiased=*/false).item<double>(), subsets,
          subset_size};
}

RealFloor real_floor(const torch::Tensor& real, const torch::Tensor& generated, std::uint64_t seed) {
  RealFloor floor{.n = std::min(generated.size(0), real.size(0) / 2)};
  if (floor.n < 2) {
    return floor;
  }
  auto generator = generator_of(seed, "floor");
  const torch::Tensor order = torch::randperm(real.size(0), generator);
  const torch::Tensor first = real.index_select(0, order.narrow(0, 0, floor.n));
  const torch::Tensor second = real.index_select(0, order.narrow(0, floor.n, floor.n));
  const torch::Tensor drawn =
      generated.index_select(0, torch::randperm(generated.size(0), generator).narrow(0, 0, floor.n));
  floor.real = frechet_distance(statistics_of(first), statistics_of(second));
  floor.generated = frechet_distance(statistics_of(first), statistics_of(drawn));
  floor.kid_real = kernel_distance(first, second, 1, floor.n, seed).mean;
  floor.kid_generated = kernel_distance(first, drawn, 1, floor.n, seed).mean;
  return floor;
}

}  // namespace medisyn
