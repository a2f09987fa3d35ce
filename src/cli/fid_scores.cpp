#include "fid_scores.h"

#include <algorithm>

#include "medisyn/core/error.h"
#include "medisyn/eval/frechet_spread.h"
#include "medisyn/eval/neighbourhoods.h"

namespace medisyn {
namespace {

constexpr std::int64_t kUsualSubset = 1000;  // torch-fidelity's
constexpr std::int64_t kFewestForInfinity = 4;

/// Half of the smaller side at most unless it was asked for, because subsets that are nearly everything
/// hardly differ, and their spread would say nothing.
std::int64_t subset_size(const FidOptions& options, std::int64_t smaller) {
  return options.kid_subset_size > 0 ? options.kid_subset_size
                                     : std::min(kUsualSubset, std::max<std::int64_t>(smaller / 2, 2));
}

Json to_json(const RealFloor& floor) {
  if (floor.n < 2) {
    return nullptr;
  }
  return {{"n", floor.n},
          {"distance", floor.real},
          {"generated_distance", floor.generated},
          {"kid", floor.kid_real},
          {"generated_kid", floor.kid_generated}};
}

Json to_json(const InfiniteFrechet& infinite) {
  return {{"distance", infinite.distance}, {"sizes", infinite.sizes}, {"distances", infinite.distances}};
}

Json to_json(const FrechetInterval& interval) {
  return {{"resamples", interval.resamples},
          {"std", interval.std},
          {"low", interval.low},
          {"high", interval.high}};
}

Json count_or_null(std::int64_t count) { return count > 0 ? Json(count) : Json(nullptr); }

/// Of two sides whose features are there.
Json metrics_of_features(const FidOptions& options, const torch::Tensor& real,
                         const torch::Tensor& generated) {
  const std::int64_t smaller = std::min(real.size(0), generated.size(0));
  const KernelDistance kernel =
      kernel_distance(real, generated, options.kid_subsets, subset_size(options, smaller), options.seed);
  Json metrics = {{"kid", kernel.mean},
                  {"kid_std", kernel.std},
                  {"kid_subsets", kernel.subsets},
                  {"kid_subset_size", kernel.subset_size},
                  {"real_floor", to_json(real_floor(real, generated, options.seed))}};
  if (options.neighbours < smaller) {
    const Neighbourhoods found = neighbourhoods(real, generated, options.neighbours);
    metrics.update({{"precision", found.precision},
                    {"recall", found.recall},
                    {"density", found.density},
                    {"coverage", found.coverage},
                    {"neighbours", found.k}});
  }
  return metrics;
}

}  // namespace

void check_fid_options(const FidOptions& options, const FidSide& real, const FidSide& generated) {
  for (const FidSide* side : {&real, &generated}) {
    const auto images = static_cast<std::int64_t>(side->images.records.size());
    if (side->has_images() && options.kid_subset_size > images) {
      fail("--kid-subset-size {}: expected at most the number of {} images, {}", options.kid_subset_size,
           side->name, images);
    }
  }
}

Json fid_metrics(const FidOptions& options, const FidSide& real, const FidSide& generated) {
  const FrechetFrom from(real.moments);
  const double distance = from.to(generated.moments);
  Json metrics = {{"feature_width", real.moments.mean.size(0)}, {"fid", distance}};
  for (const char* key : {"kid", "kid_std", "kid_subsets", "kid_subset_size", "real_floor", "precision",
                          "recall", "density", "coverage", "neighbours", "fd_infinity", "fid_interval"}) {
    metrics[key] = nullptr;
  }
  if (real.has_images() && generated.has_images()) {
    metrics.update(metrics_of_features(options, real.features, generated.features));
  }
  if (generated.has_images() && options.infinity_points >= 2 &&
      generated.features.size(0) >= kFewestForInfinity) {
    metrics["fd_infinity"] =
        to_json(frechet_at_infinity(from, generated.features, options.infinity_points, options.seed));
  }
  if (generated.has_images() && options.bootstrap > 0) {
    metrics["fid_interval"] = to_json(
        frechet_interval(distance, real.features, from, generated.features, options.bootstrap, options.seed));
  }
  metrics.update({{"n_real", count_or_null(real.moments.count)},
                  {"n_generated", count_or_null(generated.moments.count)},
                  {"real_formats", real.formats},
                  {"generated_formats", generated.formats}});
  return metrics;
}

FidTable fid_table(const Json& metrics) {
  FidTable table;
  for (const char* key : {"extractor", "mode", "weights_sha256", "n_real", "n_generated", "fid", "kid",
                          "kid_std", "precision", "recall", "density", "coverage"}) {
    const Json value = metrics.value(key, Json(nullptr));
    table.header.emplace_back(key);
    table.row.push_back(value.is_null() ? "" : value.is_string() ? value.get<std::string>() : value.dump());
  }
  const Json infinite = metrics.value("fd_infinity", Json(nullptr));
  table.header.emplace_back("fd_infinity");
  table.row.push_back(infinite.is_null() ? "" : infinite.at("distance").dump());
  return table;
}

}  // namespace medisyn
