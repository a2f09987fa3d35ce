#include <algorithm>

#include "medisyn/cli/eval_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/dist/device.h"
#include "medisyn/eval/fid.h"

namespace medisyn {
namespace {

struct KidOptions {
  std::int64_t subsets = 100;       ///< torch-fidelity's
  std::int64_t subset_size = 1000;  ///< torch-fidelity's
};

/// The subset size for sides of n images at least: half of them at most, because subsets that are nearly
/// everything hardly differ, and their spread would say nothing.
std::int64_t subset_size_for(std::int64_t n, std::int64_t wanted) {
  return std::min(wanted, std::max<std::int64_t>(n / 2, 2));
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

std::string summary(const Json& metrics, const RealFloor& floor) {
  const auto number = [&](const char* key) { return metrics.at(key).get<double>(); };
  const auto count = [&](const char* key) { return metrics.at(key).get<std::int64_t>(); };
  const auto extractor = metrics.at("extractor").get<std::string>();
  std::string text = fmt::format(
      "{} real and {} generated images\n"
      "Frechet distance over {} features: {:.3f}\n"
      "Kernel distance x 1000: {:.3f} +- {:.3f} ({} subsets of {})\n",
      count("n_real"), count("n_generated"), extractor, number("fid"), 1000 * number("kid"),
      1000 * number("kid_std"), count("kid_subsets"), count("kid_subset_size"));
  if (floor.n >= 2) {
    text += fmt::format(
        "With {0} images on each side: real against real {1:.3f}, real against generated {2:.3f} "
        "(kernel x 1000: {3:.3f} and {4:.3f})\n",
        floor.n, floor.real, floor.generated, 1000 * floor.kid_real, 1000 * floor.kid_generated);
  }
  text += fmt::format(
      "This is a distance over {} features and not the FID of the literature, whose features are "
      "Inception's: compare it only with distances of the same extractor, resize and N.\n",
      extractor);
  const std::int64_t least = std::min(count("n_real"), count("n_generated"));
  if (least <= count("feature_width")) {
    text += fmt::format(
        "{} images are no more than the {} features: the covariance is rank-deficient and the Frechet "
        "distance "
        "too large; the kernel distance is not.\n",
        least, count("feature_width"));
  }
  return text;
}

}  // namespace

int eval_fid_command(int argc, char** argv) {
  CLI::App app("Frechet and kernel distance between the features of real and of generated images");
  CommonOptions options;
  ExtractorOptions extractor_options;
  KidOptions kid;
  fs::path real_path;
  fs::path generated_path;
  app.add_option("--real", real_path, "Manifest or folder of real images: --where and --sample choose of it")
      ->required();
  app.add_option("--generated", generated_path, "Run of generate, or a folder of images")->required();
  app.add_option("--kid-subsets", kid.subsets, "Draws of the kernel distance")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  app.add_option("--kid-subset-size", kid.subset_size,
                 "Images of each draw, at most half of the smaller side")
      ->capture_default_str()
      ->check(CLI::Range(2, 1000000));
  add_extractor_options(app, extractor_options);
  add_common_options(app, options, kTakesOut | kTakesDevice | kTakesSeed | kTakesWhere);
  if (const auto code = parse_options(app, options, argc, argv)) {
    return *code;
  }
  RunRecord record(argv[0]);
  const torch::Device device = pick_device(options.device);
  const Extractor extractor = open_extractor(extractor_options, options, device);
  const Manifest real = open_images(real_path, options);
  const Manifest generated = read_manifest(generated_path);
  if (real.records.size() < 2 || generated.records.size() < 2) {
    fail("medisyn eval fid: expected at least 2 images on each side, found {} real and {} generated",
         real.records.size(), generated.records.size());
  }
  EvalOutput output(options);
  const torch::Tensor a = extract_features(extractor, image_paths(real), "real", device);
  const torch::Tensor b = extract_features(extractor, image_paths(generated), "generated", device);
  const KernelDistance kernel = kernel_distance(
      a, b, kid.subsets, subset_size_for(std::min(a.size(0), b.size(0)), kid.subset_size), options.seed);
  const RealFloor floor = real_floor(a, b, options.seed);
  for (const fs::path& input : {real_path, generated_path, extractor_options.weights}) {
    record.add_input(input);
  }
  record.config = {{"real", real_path.string()}, {"generated", generated_path.string()},
                   {"where", options.where},     {"sample", options.sample},
                   {"seed", options.seed},       {"kid_subset_size", kid.subset_size}};
  record.metrics = describe(extractor);
  record.metrics.update({{"mode", extractor.name},
                         {"feature_width", extractor.width},
                         {"fid", frechet_distance(statistics_of(a), statistics_of(b))},
                         {"kid", kernel.mean},
                         {"kid_std", kernel.std},
                         {"kid_subsets", kernel.subsets},
                         {"kid_subset_size", kernel.subset_size},
                         {"real_floor", to_json(floor)},
                         {"n_real", a.size(0)},
                         {"n_generated", b.size(0)},
                         {"is_inception_fid", false}});
  output.write_sample(real);
  output.finish(record, summary(record.metrics, floor));
  return 0;
}

}  // namespace medisyn
