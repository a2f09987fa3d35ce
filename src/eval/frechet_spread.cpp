#include "medisyn/eval/frechet_spread.h"

#include <ATen/CPUGeneratorImpl.h>

#include <algorithm>
#include <cmath>

#include "medisyn/core/progress.h"
#include "medisyn/core/random_key.h"

namespace medisyn {
namespace {

constexpr std::int64_t kFirstSize = 5000;
constexpr double kQuantile = 1.959963984540054;

at::Generator generator_of(std::uint64_t seed, std::string_view purpose) {
  return at::make_generator<at::CPUGeneratorImpl>(random_key({seed, hash_text(purpose)}));
}

/// Where the line y = a + b x by least squares meets x = 0.
double intercept(const std::vector<double>& x, const std::vector<double>& y) {
  const auto count = static_cast<double>(x.size());
  double mean_x = 0;
  double mean_y = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    mean_x += x[i] / count;
    mean_y += y[i] / count;
  }
  double covariance = 0;
  double variance = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    covariance += (x[i] - mean_x) * (y[i] - mean_y);
    variance += (x[i] - mean_x) * (x[i] - mean_x);
  }
  return mean_y - covariance / variance * mean_x;
}

/// Of as many rows, drawn with replacement.
Moments resampled(const torch::Tensor& rows, at::Generator& generator) {
  const torch::Tensor drawn = torch::randint(rows.size(0), {rows.size(0)}, generator, torch::kLong);
  return moments_of(statistics_of(rows.index_select(0, drawn)));
}

}  // namespace

InfiniteFrechet frechet_at_infinity(const FrechetFrom& real, const torch::Tensor& generated,
                                    std::int64_t points, std::uint64_t seed) {
  const std::int64_t all = generated.size(0);
  TORCH_CHECK(all >= 4 && points >= 2, all, " images, ", points, " points");
  auto generator = generator_of(seed, "infinity");
  const torch::Tensor rows = generated.index_select(0, torch::randperm(all, generator));
  const std::int64_t first = std::min(kFirstSize, all / 2);
  InfiniteFrechet result;
  std::vector<double> inverse;
  FeatureStatistics statistics(rows.size(1));
  Progress progress("FD-infinity", points, "sizes");
  for (std::int64_t i = 0; i < points; ++i) {
    const std::int64_t size = first + (all - first) * i / (points - 1);
    if (size == statistics.count()) {
      continue;  // few images
    }
    statistics.add(rows.narrow(0, statistics.count(), size - statistics.count()));
    result.sizes.push_back(size);
    result.distances.push_back(real.to(moments_of(statistics)));
    inverse.push_back(1 / static_cast<double>(size));
    progress.update(i + 1);
  }
  progress.finish();
  result.distance = intercept(inverse, result.distances);
  return result;
}

FrechetInterval frechet_interval(double distance, const torch::Tensor& real, const FrechetFrom& whole_real,
                                 const torch::Tensor& generated, std::int64_t resamples, std::uint64_t seed) {
  TORCH_CHECK(resamples >= 2, resamples, " resamples");
  auto generator = generator_of(seed, "bootstrap");
  std::vector<double> distances;
  Progress progress("bootstrap", resamples, "resamples");
  for (std::int64_t i = 0; i < resamples; ++i) {
    const Moments drawn = resampled(generated, generator);
    distances.push_back(real.defined() ? frechet_distance(resampled(real, generator), drawn)
                                       : whole_real.to(drawn));
    progress.update(i + 1);
  }
  progress.finish();
  const double std = torch::tensor(distances, torch::kDouble).std().item<double>();
  return {.resamples = resamples,
          .std = std,
          .low = std::max(distance - kQuantile * std, 0.0),
          .high = distance + kQuantile * std};
}

}  // namespace medisyn
