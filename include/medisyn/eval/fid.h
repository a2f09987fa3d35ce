// Frechet distance and kernel distance between two sets of features.
// Sources: Heusel et al., 2017, https://arxiv.org/abs/1706.08500 (FID); Binkowski et al., 2018,
// https://arxiv.org/abs/1801.01401 (KID).
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace medisyn {

/// Mean and scatter of rows in double, by a stable update that can be merged (Chan, Golub & LeVeque, 1979).
class FeatureStatistics {
 public:
  explicit FeatureStatistics(std::int64_t width);

  /// Adds rows [N, D] of any float type.
  void add(const torch::Tensor& rows);
  void merge(const FeatureStatistics& other);

  std::int64_t count() const { return count_; }
  const torch::Tensor& mean() const { return mean_; }  ///< [D] double

  /// The unbiased covariance (divided by count - 1, as numpy.cov): [D, D] double. Needs two rows.
  torch::Tensor covariance() const;

 private:
  std::int64_t count_ = 0;
  torch::Tensor mean_;
  torch::Tensor scatter_;  ///< [D, D], the sum of outer products of what is left of the mean
};

/// The statistics of rows [N, D].
FeatureStatistics statistics_of(const torch::Tensor& rows);

/// Mean and covariance of a set of features, of whatever set: a file of statistics holds no more.
struct Moments {
  torch::Tensor mean;        ///< [D] double
  torch::Tensor covariance;  ///< [D, D] double
  std::int64_t count = 0;    ///< rows that they were made of; 0 where that is not known
};
Moments moments_of(const FeatureStatistics& statistics);

/// |m1 - m2|^2 + tr(C1 + C2 - 2 (C1^1/2 C2 C1^1/2)^1/2), by symmetric eigen-decompositions of which negative
/// values, which are rounding, count as 0: never complex, never below 0, and finite for any finite features.
/// Equal to scipy's sqrtm(C1 C2) up to rounding.
///
/// With C1 = R R^T, R of as many columns as C1 has rank, the last root has the eigenvalues of R^T C2 R and a
/// few zeros: of a covariance of n < D rows that is n by n, and a second distance to the same C1 costs no
/// second R.
class FrechetFrom {
 public:
  explicit FrechetFrom(Moments reference);
  double to(const Moments& other) const;

 private:
  Moments reference_;
  torch::Tensor root_;  ///< R [D, rank]
};

double frechet_distance(const Moments& a, const Moments& b);
double frechet_distance(const FeatureStatistics& a, const FeatureStatistics& b);

struct KernelDistance {
  double mean = 0;
  double std = 0;  ///< over the subsets, divided by their number
  std::int64_t subsets = 0;
  std::int64_t subset_size = 0;
};

/// The unbiased squared MMD with kernel (x y / D + 1)^3, mean over `subsets` seeded draws of `subset_size`
/// rows from each side without replacement, as torch-fidelity. Both sides must have so many.
KernelDistance kernel_distance(const torch::Tensor& a, const torch::Tensor& b, std::int64_t subsets,
                               std::int64_t subset_size, std::uint64_t seed);

/// What a perfect generator would score: two disjoint halves of the real images against each other, and, at
/// the same number of images, one half against generated ones. A Frechet distance grows as N shrinks, so only
/// these two stand on one footing.
struct RealFloor {
  std::int64_t n = 0;  ///< images on each side: min(generated, real / 2); below 2 nothing else is set
  double real = 0;
  double generated = 0;
  double kid_real = 0;
  double kid_generated = 0;
};

/// Seeded; kid_real and kid_generated are of one subset of all n. real [N, D], generated [M, D]
RealFloor real_floor(const torch::Tensor& real, const torch::Tensor& generated, std::uint64_t seed);

}  // namespace medisyn
