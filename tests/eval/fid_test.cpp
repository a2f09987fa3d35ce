#include "medisyn/eval/fid.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include "medisyn/core/files.h"
#include "medisyn/core/run_record.h"

namespace medisyn {
namespace {

FeatureStatistics of(const torch::Tensor& rows) { return statistics_of(rows); }

/// The formula of scripts/golden/distances.py: [N, D]
torch::Tensor golden_rows(std::int64_t count, std::int64_t width, std::int64_t seed, double shift) {
  const torch::Tensor i = torch::arange(count).view({-1, 1});
  const torch::Tensor j = torch::arange(width).view({1, -1});
  const torch::Tensor value = (i * 7919 + j * 104729 + seed * 1299709) % 65521;
  const torch::Tensor base = (value * value % 65521).to(torch::kDouble) / 65521;
  const torch::Tensor angle = j.to(torch::kDouble);
  return base + 0.5 * base.narrow(1, 0, 1) * angle.cos() + shift * angle.sin();
}

TEST(Golden, DistancesEqualScipyAndTorchFidelity) {
  const Json cases = Json::parse(read_file(std::string(MEDISYN_TEST_DATA) + "/distances.json"));
  ASSERT_EQ(cases.size(), 3U);
  for (const Json& entry : cases) {
    const double shift = entry["shift"];
    const torch::Tensor a = golden_rows(entry["n_a"], entry["width"], 1, 0);
    const torch::Tensor b = golden_rows(entry["n_b"], entry["width"], 2, shift) * (1 + shift);
    const double frechet = entry["frechet"];
    EXPECT_NEAR(frechet_distance(of(a), of(b)), frechet, 1e-8 * std::max(frechet, 1.0)) << entry.dump();
    const std::int64_t n = entry["kernel_of_first"];
    const double kernel = entry["kernel"];
    EXPECT_NEAR(kernel_distance(a.narrow(0, 0, n), b.narrow(0, 0, n), 1, n, 0).mean, kernel,
                1e-10 * std::max(kernel, 1.0))
        << entry.dump();
  }
}

/// Rows whose sample mean is `mean` and whose sample covariance is `root` root^T, exactly.
torch::Tensor rows_with(const torch::Tensor& mean, const torch::Tensor& root) {
  const std::int64_t width = mean.size(0);
  torch::Tensor rows = torch::randn({400, width}, torch::kDouble);
  rows = rows - rows.mean(0);
  const torch::Tensor cholesky = torch::linalg_cholesky(rows.t().matmul(rows) / 399);
  return torch::linalg_solve_triangular(cholesky, rows.t(), /*upper=*/false).t().matmul(root.t()) + mean;
}

TEST(Fid, EqualsTheClosedFormOfTwoGaussians) {
  torch::manual_seed(0);
  // Diagonal covariances: |m1 - m2|^2 + sum (s1 - s2)^2.
  const torch::Tensor zero = torch::zeros({3}, torch::kDouble);
  const torch::Tensor mean = torch::tensor({1.0, -2.0, 0.5}, torch::kDouble);
  const torch::Tensor a = rows_with(zero, torch::diag(torch::tensor({1.0, 2.0, 3.0}, torch::kDouble)));
  const torch::Tensor b = rows_with(mean, torch::diag(torch::tensor({2.0, 0.5, 3.0}, torch::kDouble)));
  EXPECT_NEAR(frechet_distance(of(a), of(b)), 5.25 + 1 + 2.25, 1e-9);
}

TEST(Fid, EqualsTheGeneralFormForCovariancesThatDoNotCommute) {
  torch::manual_seed(1);
  const torch::Tensor zero = torch::zeros({4}, torch::kDouble);
  const torch::Tensor first = torch::randn({4, 4}, torch::kDouble);
  const torch::Tensor second = torch::randn({4, 4}, torch::kDouble);
  // tr (C1 C2)^1/2 is the sum of singular values of R1^T R2 for C = R R^T.
  const double cross = std::get<1>(torch::linalg_svd(first.t().matmul(second))).sum().item<double>();
  const double expected = (first.square().sum() + second.square().sum()).item<double>() - 2 * cross;
  EXPECT_NEAR(frechet_distance(of(rows_with(zero, first)), of(rows_with(zero, second))), expected, 1e-8);
}

TEST(Fid, OfASetWithItselfIsZeroEvenWhenRankDeficient) {
  torch::manual_seed(2);
  const FeatureStatistics few = of(torch::randn({10, 64}));
  EXPECT_NEAR(frechet_distance(few, few), 0, 1e-6);
}

// Fewer rows than features, where scipy's sqrtm fails: the closed form through singular values.
TEST(Fid, IsRightForRankDeficientCovariances) {
  torch::manual_seed(8);
  const torch::Tensor a = torch::randn({20, 50}, torch::kDouble);
  const torch::Tensor b = torch::randn({30, 50}, torch::kDouble) + 0.3;
  const auto centred = [](const torch::Tensor& x) {
    return (x - x.mean(0)) / std::sqrt(static_cast<double>(x.size(0) - 1));
  };
  const torch::Tensor products = centred(a).matmul(centred(b).t());
  const double cross = std::get<1>(torch::linalg_svd(products)).sum().item<double>();
  const double expected =
      ((a.mean(0) - b.mean(0)).square().sum() + centred(a).square().sum() + centred(b).square().sum())
          .item<double>() -
      2 * cross;
  EXPECT_NEAR(frechet_distance(of(a), of(b)), expected, 1e-9 * expected);
  EXPECT_NEAR(frechet_distance(of(b), of(a)), expected, 1e-6 * expected);
}

TEST(Fid, IsFiniteForConstantFeatures) {
  const FeatureStatistics constant = of(torch::full({10, 5}, 3.0));
  EXPECT_EQ(frechet_distance(constant, constant), 0);
  EXPECT_NEAR(frechet_distance(constant, of(torch::full({7, 5}, 1.0))), 20, 1e-12);
  torch::manual_seed(9);
  const torch::Tensor rows = torch::randn({40, 5}, torch::kDouble) * torch::tensor({1.0, 0.0, 2.0, 0.0, 1.0});
  const FeatureStatistics some = of(rows);  // two features are constant
  EXPECT_NEAR(frechet_distance(some, constant),
              (some.covariance().trace() + (some.mean() - 3).square().sum()).item<double>(), 1e-9);
  EXPECT_NEAR(frechet_distance(constant, some), frechet_distance(some, constant), 1e-9);
  EXPECT_NEAR(frechet_distance(some, some), 0, 1e-9);
}

TEST(Fid, OneReferenceServesManyDistances) {
  torch::manual_seed(10);
  const Moments real = moments_of(of(torch::randn({60, 7})));
  const FrechetFrom from(real);
  for (const double shift : {0.0, 1.0}) {
    const Moments other = moments_of(of(torch::randn({50, 7}) + shift));
    EXPECT_NEAR(from.to(other), frechet_distance(real, other), 1e-9);
  }
  EXPECT_THROW(from.to(moments_of(of(torch::randn({50, 6})))), c10::Error);
}

TEST(Fid, IsSymmetricAndIndependentOfRotation) {
  torch::manual_seed(3);
  const torch::Tensor a = torch::randn({50, 6}, torch::kDouble);
  const torch::Tensor b = torch::randn({70, 6}, torch::kDouble) * 2 + 1;
  const torch::Tensor rotation = std::get<0>(torch::linalg_qr(torch::randn({6, 6}, torch::kDouble)));
  const double distance = frechet_distance(of(a), of(b));
  EXPECT_NEAR(frechet_distance(of(b), of(a)), distance, 1e-9);
  EXPECT_NEAR(frechet_distance(of(a.matmul(rotation)), of(b.matmul(rotation))), distance, 1e-9);
}

TEST(Fid, StatisticsAreMergeableAndStableFarFromZero) {
  torch::manual_seed(4);
  const torch::Tensor rows = torch::randn({97, 5}, torch::kDouble) + 1e6;
  FeatureStatistics merged(5);
  FeatureStatistics other(5);
  merged.add(rows.narrow(0, 0, 30));
  merged.add(rows.narrow(0, 30, 0));
  other.add(rows.narrow(0, 30, 1));
  other.add(rows.narrow(0, 31, 66));
  merged.merge(other);
  EXPECT_EQ(merged.count(), 97);
  EXPECT_TRUE(torch::allclose(merged.mean(), rows.mean(0), 0, 1e-8));
  EXPECT_TRUE(torch::allclose(merged.covariance(), torch::cov(rows.t()), 0, 1e-7));
  EXPECT_THROW(FeatureStatistics(3).covariance(), c10::Error);
}

TEST(Kid, IsUnbiasedAndEqualsTheDefinition) {
  torch::manual_seed(5);
  const torch::Tensor a = torch::randn({6, 3}, torch::kDouble);
  const torch::Tensor b = torch::randn({6, 3}, torch::kDouble) + 0.5;
  const auto kernel = [](const torch::Tensor& x, const torch::Tensor& y) {
    return std::pow(x.dot(y).item<double>() / 3 + 1, 3);
  };
  double within = 0;
  double between = 0;
  for (int i = 0; i < 6; ++i) {
    for (int j = 0; j < 6; ++j) {
      between += kernel(a[i], b[j]) / 36;
      within += i == j ? 0 : (kernel(a[i], a[j]) + kernel(b[i], b[j])) / 30;
    }
  }
  const KernelDistance distance = kernel_distance(a, b, 4, 6, 0);
  EXPECT_EQ(distance.subset_size, 6);
  EXPECT_NEAR(distance.mean, within - 2 * between, 1e-12);
  EXPECT_NEAR(distance.std, 0, 1e-12);
}

TEST(Kid, SubsetsAreSeededAndNearZeroForOneDistribution) {
  torch::manual_seed(6);
  const torch::Tensor a = torch::randn({300, 4});
  const torch::Tensor b = torch::randn({300, 4});
  const KernelDistance first = kernel_distance(a, b, 20, 100, 7);
  EXPECT_EQ(first.mean, kernel_distance(a, b, 20, 100, 7).mean);
  EXPECT_NE(first.mean, kernel_distance(a, b, 20, 100, 8).mean);
  EXPECT_NEAR(first.mean, 0, 0.05);
  EXPECT_GT(kernel_distance(a, b + 1, 20, 100, 7).mean, 1);
  EXPECT_THROW(kernel_distance(a, b, 20, 301, 7), c10::Error);
}

TEST(RealFloor, ComparesEqualNumbersOfImages) {
  torch::manual_seed(7);
  const torch::Tensor real = torch::randn({400, 8});
  const RealFloor good = real_floor(real, torch::randn({60, 8}), 0);
  EXPECT_EQ(good.n, 60);
  EXPECT_LT(good.generated, 3 * good.real);
  const RealFloor bad = real_floor(real, torch::randn({600, 8}) + 2, 0);
  EXPECT_EQ(bad.n, 200);
  EXPECT_GT(bad.generated, 10 * bad.real);
  EXPECT_GT(bad.kid_generated, 10 * std::abs(bad.kid_real));
  EXPECT_EQ(real_floor(real, real, 3).real, real_floor(real, real, 3).real);
  EXPECT_EQ(real_floor(real.narrow(0, 0, 3), real, 0).n, 1);
}

}  // namespace
}  // namespace medisyn
