#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "medisyn/cli/eval_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/core/progress.h"
#include "medisyn/eval/ms_ssim.h"
#include "medisyn/eval/pair_scores.h"
#include "medisyn/eval/random_pairs.h"

namespace medisyn {
namespace {

constexpr std::int64_t kMemoryBytes = std::int64_t{1} << 30U;

double mean_of(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

/// With n - 1 below; 0 of a single value.
double deviation_of(const std::vector<double>& values) {
  const double mean = mean_of(values);
  double sum = 0;
  for (const double value : values) {
    sum += (value - mean) * (value - mean);
  }
  return values.size() < 2 ? 0 : std::sqrt(sum / static_cast<double>(values.size() - 1));
}

std::vector<std::vector<std::string>> rows_of(const Manifest& manifest, const std::vector<IndexPair>& pairs,
                                              const std::vector<double>& scores) {
  const auto name = [&](std::int64_t index) {
    return manifest.records[static_cast<std::size_t>(index)].file_name;
  };
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < pairs.size(); ++i) {
    rows.push_back({name(pairs[i].first), name(pairs[i].second), fmt::format("{:.6f}", scores[i])});
  }
  return rows;
}

std::vector<IndexPair> draw_pairs(std::int64_t images, std::int64_t count, std::uint64_t seed,
                                  const fs::path& path) {
  if (images < 2) {
    fail("{}: expected at least 2 images to compare, found {}", path.string(), images);
  }
  if (count < (images + 1) / 2) {
    fail("--pairs {}: {} images need at least {} pairs, so that each is in one", count, images,
         (images + 1) / 2);
  }
  const std::int64_t possible = images * (images - 1) / 2;
  if (count > possible) {
    log_info("--pairs {}: {} images make {} pairs, all of which are taken", count, images, possible);
  }
  return random_pairs(images, count, seed);
}

}  // namespace

int eval_msssim_command(int argc, char** argv) {
  CLI::App app("Multi-scale structural similarity of random pairs: the lower, the more diverse");
  CommonOptions options;
  fs::path images_path;
  std::int64_t pair_count = 50000;
  std::int64_t scales = 5;
  app.add_option("--images", images_path, "Manifest, run of generate, folder of images or tar shards")
      ->required();
  app.add_option("--pairs", pair_count, "Random pairs; every image is in at least one")
      ->capture_default_str();
  app.add_option("--scales", scales, "1 to 5 scales: five need 161 pixels, three 41")
      ->capture_default_str()
      ->check(CLI::Range(1, 5));
  add_common_options(app, options, kTakesOut | kTakesSeed | kTakesWhere);
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  RunRecord record(argv[0]);
  const Manifest manifest = open_images(images_path, options);
  const auto images = static_cast<std::int64_t>(manifest.records.size());
  const std::vector<IndexPair> pairs = draw_pairs(images, pair_count, options.seed, images_path);
  EvalOutput output(options);
  Progress progress("MS-SSIM", static_cast<std::int64_t>(pairs.size()), "pairs");
  const std::vector<double> scores = score_pairs(image_sources(manifest), pairs, scales, kMemoryBytes,
                                                 [&](std::int64_t done) { progress.update(done); });
  progress.finish();
  const auto zeros = std::count(scores.begin(), scores.end(), 0.0);
  record.add_input(images_path);
  record.config = {{"images", images_path.string()}, {"where", options.where}, {"sample", options.sample},
                   {"seed", options.seed},           {"pairs", pair_count},    {"scales", scales}};
  record.metrics = {
      {"mean", mean_of(scores)},
      {"std", deviation_of(scores)},
      {"zeros", zeros},
      {"pairs", pairs.size()},
      {"images", images},
      {"scales", scales},
      {"weights", ms_ssim_weights(scales)},
      {"definition", "pytorch-msssim: 11-tap Gaussian sigma 1.5, ReLU per channel, RGB, data range 255"}};
  output.write_sample(manifest);
  output.write_table("pairs.csv", {"a", "b", "ms_ssim"}, rows_of(manifest, pairs, scores));
  output.finish(
      record, fmt::format("MS-SSIM with {} scales (weights {:.4f}): {:.4f} +- {:.4f}\n{} pairs of {} images, "
                          "{} of them 0\n",
                          scales, fmt::join(ms_ssim_weights(scales), ", "), mean_of(scores),
                          deviation_of(scores), pairs.size(), images, zeros));
  return 0;
}

}  // namespace medisyn
