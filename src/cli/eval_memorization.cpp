#include <optional>

#include "medisyn/cli/eval_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/progress.h"
#include "medisyn/eval/memorization.h"
#include "medisyn/eval/memorization_page.h"
#include "medisyn/eval/memorization_scores.h"
#include "medisyn/eval/memorization_tables.h"
#include "memorization_results.h"
#include "memorization_sides.h"

namespace medisyn {
namespace {

constexpr const char* kBiomedClip = "biomedclip";

struct MemorizationArguments {
  CommonOptions common = {};
  SidesOptions sides = {};
  ExtractorOptions extractor = {.name = kBiomedClip, .weights = {}, .mode = {}};
  fs::path model = {};  ///< BiomedCLIP's folder
  fs::path cache = {};
  DistanceOptions distance = {};
  std::int64_t top_k = 1;
};

void add_options(CLI::App& app, MemorizationArguments& arguments) {
  CommonOptions& common = arguments.common;
  app.add_option("--real", arguments.sides.real, "Manifest or folder of real images, or tar shards")
      ->required();
  app.add_option("--generated", arguments.sides.generated,
                 "Run of generate, a folder of images or tar shards")
      ->required();
  app.add_option("--model", arguments.model, "BiomedCLIP's folder, with open_clip_config.json")
      ->type_name("DIR");
  app.add_option("--training", arguments.sides.training,
                 "Filter of the images trained on (default: split=train where the manifest has splits)")
      ->type_name("EXPR");
  app.add_option(
         "--held-out", arguments.sides.held_out,
         "Filter of real images measured beside the generated ones, or none (default: split=test where "
         "there are such)")
      ->type_name("EXPR");
  app.add_option("--top-k", arguments.top_k, "Nearest training images of each image; the closest counts")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_flag("--extended", arguments.distance.extended,
               "Also the least distance over flips and shifts of up to 4 pixels");
  app.add_option("--image-pixels", arguments.distance.image_pixels,
                 "Side at which pictures are compared (default: that of the generated image)")
      ->check(CLI::Range(kLeastImagePixels, std::int64_t{8192}));
  app.add_option("--where", common.where, "Filter of the real images, e.g. \"specialty=Dermatology\"")
      ->type_name("EXPR");
  app.add_option("--sample", common.sample,
                 "Draw N of the generated images without replacement; of real ones all are searched")
      ->type_name("N");
  app.add_option("--cache", arguments.cache,
                 "Keep features there, by the images' content, and use those there")
      ->type_name("DIR");
  add_extractor_options(app, arguments.extractor);
  add_common_options(app, common, kTakesOut | kTakesDevice | kTakesSeed | kTakesNproc);
}

/// --model is --weights by the name that a folder has.
void take_model(MemorizationArguments& arguments) {
  ExtractorOptions& extractor = arguments.extractor;
  if (!arguments.model.empty() && (extractor.name != kBiomedClip || !extractor.weights.empty())) {
    fail("--model {}: is the folder of --extractor {} and stands for its --weights, found --extractor {}{}",
         arguments.model.string(), kBiomedClip, extractor.name,
         extractor.weights.empty() ? "" : " --weights " + extractor.weights.string());
  }
  if (!arguments.model.empty()) {
    extractor.weights = arguments.model;
  } else if (extractor.name == kBiomedClip && extractor.weights.empty()) {
    fail(
        "--extractor {}: its weights are needed: --model DIR, the folder with open_clip_config.json (or "
        "--extractor efficientnet_lite0 --weights FILE)",
        kBiomedClip);
  }
  check_extractor(extractor.name, extractor.weights, extractor.mode);
}

struct SideFeatures {
  torch::Tensor generated, training, held_out;
};

SideFeatures extract_sides(const MemorizationSides& sides, const MemorizationArguments& arguments,
                           const Extractor& extractor, torch::Device device, Communicator& ranks) {
  const ExtractionOptions options = {.cache = arguments.cache, .ranks = &ranks};
  const auto features = [&](const Side& side, const char* label) {
    return side.kinds.empty()
               ? torch::Tensor()
               : extract_features(extractor, image_sources(side.images), label, device, options);
  };
  return {features(sides.generated, "generated"), features(sides.training, "training"),
          features(sides.held_out, "held-out")};
}

/// The pairs of a side with their distances; none of an empty side.
std::vector<NearestPair> measure_side(const Side& side, const torch::Tensor& features,
                                      const KindFeatures& training, const Manifest& training_images,
                                      const MemorizationArguments& arguments, const char* label) {
  if (side.kinds.empty()) {
    return {};
  }
  std::vector<NearestPair> pairs = find_nearest({features, side.kinds}, training, arguments.top_k);
  Progress progress(label, std::ssize(pairs), "pairs");
  measure_distances(pairs, image_sources(side.images), image_sources(training_images), arguments.distance,
                    [&](std::int64_t done) { progress.update(done); });
  progress.finish();
  return pairs;
}

MeasuredPairs measure(const MemorizationSides& sides, const SideFeatures& features,
                      const MemorizationArguments& arguments) {
  const KindFeatures training{features.training, sides.training.kinds};
  const auto pairs = [&](const Side& side, const torch::Tensor& rows, const char* label) {
    return measure_side(side, rows, training, sides.training.images, arguments, label);
  };
  return {pairs(sides.generated, features.generated, "distances of generated"),
          pairs(sides.held_out, features.held_out, "distances of held-out")};
}

MemorizationTable table_of(const MeasuredPairs& measured, const MemorizationSides& sides, DistanceKind kind) {
  const std::vector<ScoredImage> generated =
      scored_images(measured.generated, sides.generated.kinds, sides.training.images, kind);
  MemorizationTable table{
      .kind = kind, .generated = score_specialties(generated), .all = score_all(generated)};
  if (!measured.held_out.empty()) {
    table.held_out = score_specialties(
        scored_images(measured.held_out, sides.held_out.kinds, sides.training.images, kind));
  }
  return table;
}

std::string method_of(const MemorizationSides& sides, const MemorizationArguments& arguments) {
  return fmt::format(
      "{} generated images, each with its {} among all {} training images of the same specialty and image "
      "type "
      "({} features, cosine, exact)",
      sides.generated.kinds.size(),
      arguments.top_k == 1 ? "nearest" : fmt::format("{} nearest", arguments.top_k),
      sides.training.kinds.size(), arguments.extractor.name);
}

void describe_run(RunRecord& record, const MemorizationSides& sides, const MemorizationArguments& arguments,
                  const Extractor& extractor, const std::vector<MemorizationTable>& tables) {
  for (const fs::path& input :
       {arguments.sides.real, arguments.sides.generated, arguments.extractor.weights}) {
    record.add_input(input);
  }
  record.config = {
      {"real", arguments.sides.real.string()},   {"generated", arguments.sides.generated.string()},
      {"where", arguments.common.where},         {"training", arguments.sides.training},
      {"held_out", arguments.sides.held_out},    {"top_k", arguments.top_k},
      {"extended", arguments.distance.extended}, {"image_pixels", arguments.distance.image_pixels},
      {"sample", arguments.common.sample},       {"seed", arguments.common.seed}};
  record.metrics = describe(extractor);
  record.metrics.update({{"top_k", arguments.top_k},
                         {"image_pixels", arguments.distance.image_pixels},
                         {"n_generated", sides.generated.kinds.size()},
                         {"n_training", sides.training.kinds.size()},
                         {"n_held_out", sides.held_out.kinds.size()}});
  record.metrics.update(to_json(tables.front()));
  record.metrics["extended"] = arguments.distance.extended ? to_json(tables.back()) : Json();
}

void finish(EvalOutput& output, RunRecord& record, const MemorizationSides& sides,
            const SideFeatures& features, const MemorizationArguments& arguments,
            const Extractor& extractor) {
  const MeasuredPairs measured = measure(sides, features, arguments);
  std::vector<MemorizationTable> tables = {table_of(measured, sides, DistanceKind::kPaper)};
  if (arguments.distance.extended) {
    tables.push_back(table_of(measured, sides, DistanceKind::kExtended));
  }
  const std::string method = method_of(sides, arguments);
  describe_run(record, sides, arguments, extractor, tables);
  output.write_sample(sides.generated.images);
  write_memorization(output, sides, measured, tables);
  if (!arguments.common.out.empty()) {
    write_file(arguments.common.out / "page.html",
               memorization_page(tables, measured.generated, sides.generated.images, sides.generated.kinds,
                                 sides.training.images,
                                 {.method = method, .image_pixels = arguments.distance.image_pixels}));
  }
  output.finish(record, memorization_summary(method, tables));
}

}  // namespace

int eval_memorization_command(int argc, char** argv) {
  CLI::App app("Does the model draw its training images again? Nearest ones by features, then by pixels");
  MemorizationArguments arguments;
  add_options(app, arguments);
  if (const auto code = parse_options(app, arguments.common, argc, argv)) {
    return *code;
  }
  RunRecord record(argv[0]);
  take_model(arguments);
  const MemorizationSides sides = open_sides(arguments.sides, arguments.common);
  // The ranks share the features; the first does the rest.
  return run_eval(arguments.common, app, "memorization", argc, argv,
                  [&](torch::Device device, Communicator& ranks, EvalOutput* output) {
                    const Extractor extractor = open_extractor(arguments.extractor, arguments.common, device);
                    const SideFeatures features = extract_sides(sides, arguments, extractor, device, ranks);
                    if (output != nullptr) {
                      finish(*output, record, sides, features, arguments, extractor);
                    }
                  });
}

}  // namespace medisyn
