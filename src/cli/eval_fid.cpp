#include <algorithm>
#include <optional>

#include "eval_checkpoints.h"
#include "evaluation_pages.h"
#include "fid_scores.h"
#include "fid_sides.h"
#include "medisyn/cli/eval_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/io/npz.h"

namespace medisyn {
namespace {

struct FidArguments {
  CommonOptions common;
  ExtractorOptions extractor = {.name = "inception"};
  FidOptions scores = {};
  CheckpointsOptions checkpoints = {};
  fs::path real;
  fs::path generated;
  fs::path cache;
  fs::path statistics;  ///< --save-statistics
  bool saves_features = false;
};

void add_options(CLI::App& app, FidArguments& arguments) {
  app.add_option(
         "--real", arguments.real,
         "Manifest, folder or tar shards of real images (--where and --sample choose of them), or .npz "
         "statistics of pytorch-fid, clean-fid or --save-statistics")
      ->required();
  app.add_option("--generated", arguments.generated,
                 "Run of generate, a folder of images, tar shards or .npz statistics");
  app.add_option("--save-statistics", arguments.statistics,
                 "Write mean and covariance of the real side, for a later --real; needs no --generated")
      ->type_name("FILE.npz");
  app.add_flag("--save-features", arguments.saves_features, "Write OUT/features.npz: `real` and `generated`");
  app.add_option("--cache", arguments.cache,
                 "Keep features there, by the images' content, and use those there")
      ->type_name("DIR");
  FidOptions& scores = arguments.scores;
  app.add_option("--kid-subsets", scores.kid_subsets, "Draws of the kernel distance")
      ->capture_default_str()
      ->check(CLI::Range(1, 100000));
  app.add_option("--kid-subset-size", scores.kid_subset_size,
                 "Images of each draw (default: 1000, or half of the smaller side)")
      ->check(CLI::Range(2, 1000000));
  app.add_option("--neighbours", scores.neighbours, "k of precision, recall, density and coverage")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  app.add_option("--fd-infinity", scores.infinity_points,
                 "Sizes through which the line to infinitely many images goes; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 1000));
  app.add_option("--bootstrap", scores.bootstrap,
                 "Resamples for a 95 % interval of the Frechet distance; 0: none")
      ->capture_default_str()
      ->check(CLI::Range(0, 100000));
  add_checkpoints_options(app, arguments.checkpoints);
  add_extractor_options(app, arguments.extractor);
  add_common_options(app, arguments.common,
                     kTakesOut | kTakesDevice | kTakesSeed | kTakesWhere | kTakesNproc);
}

struct FidSides {
  FidSide real;
  FidSide generated;  ///< path "" where only statistics are asked for

  bool has_generated() const { return !generated.path.empty(); }
  bool need_extractor() const { return real.has_images() || (has_generated() && generated.has_images()); }
};

FidSides open_sides(const FidArguments& arguments) {
  if (arguments.generated.empty() && arguments.statistics.empty()) {
    fail(
        "medisyn eval fid: expected --generated, --checkpoints, or --save-statistics for the real side "
        "alone");
  }
  if (!is_statistics_file(arguments.real) || !is_statistics_file(arguments.generated)) {
    const ExtractorOptions& extractor = arguments.extractor;
    check_extractor(extractor.name, extractor.weights, extractor.mode);
  }
  if (arguments.saves_features && arguments.common.out.empty()) {
    fail("--save-features: expected --out, where features.npz goes");
  }
  FidSides sides{open_fid_side(arguments.real, "real", arguments.common, /*is_chosen=*/true), {}};
  if (!arguments.generated.empty()) {
    sides.generated = open_fid_side(arguments.generated, "generated", arguments.common, /*is_chosen=*/false);
    check_fid_options(arguments.scores, sides.real, sides.generated);
  }
  if (!arguments.statistics.empty()) {
    require_absent(arguments.statistics);
    if (!is_statistics_file(arguments.statistics) || !sides.real.has_images()) {
      fail("--save-statistics {}: expected the name of a .npz file, and real images",
           arguments.statistics.string());
    }
  }
  return sides;
}

/// Features of the sides that are images, and how they were made.
Json extract_sides(FidSides& sides, const FidArguments& arguments, const Extractor& extractor,
                   torch::Device device, Communicator& ranks) {
  const ExtractionOptions options = {.cache = arguments.cache, .ranks = &ranks};
  const Json description = describe(extractor);
  for (FidSide* side : {&sides.real, &sides.generated}) {
    if (side->path.empty()) {
      continue;
    }
    if (side->has_images()) {
      extract(*side, extractor, device, options);
    } else {
      check_made_alike(*side, description, extractor.width);
    }
  }
  return description;
}

/// Of two files of statistics.
Json description_of_files(const FidSides& sides) {
  const bool says_how = sides.real.statistics->description.is_object();
  const FidSide& one = says_how ? sides.real : sides.generated;
  const FidSide& other = says_how ? sides.generated : sides.real;
  const Json description =
      one.statistics->description.is_object() ? one.statistics->description : Json::object();
  check_made_alike(other, description, one.moments.mean.size(0));
  return description;
}

void save(const FidSides& sides, const FidArguments& arguments, const Json& description) {
  if (!arguments.statistics.empty()) {
    write_statistics(arguments.statistics, {sides.real.moments, description});
  }
  if (arguments.saves_features) {
    TensorMap features;
    for (const FidSide* side : {&sides.real, &sides.generated}) {
      if (side->features.defined()) {
        features[side->name] = side->features;
      }
    }
    write_npz(arguments.common.out / "features.npz", features);
  }
}

RunRecord& describe_run(RunRecord& record, const FidArguments& arguments) {
  for (const fs::path& input : {arguments.real, arguments.generated, arguments.extractor.weights}) {
    if (!input.empty()) {
      record.add_input(input);
    }
  }
  const FidOptions& scores = arguments.scores;
  record.config = {{"real", arguments.real.string()},
                   {"generated", arguments.generated.string()},
                   {"where", arguments.common.where},
                   {"sample", arguments.common.sample},
                   {"seed", arguments.common.seed},
                   {"kid_subsets", scores.kid_subsets},
                   {"kid_subset_size", scores.kid_subset_size},
                   {"neighbours", scores.neighbours},
                   {"fd_infinity", scores.infinity_points},
                   {"bootstrap", scores.bootstrap}};
  return record;
}

void finish(EvalOutput& output, RunRecord& record, const FidSides& sides, const FidArguments& arguments,
            const Json& description) {
  save(sides, arguments, description);
  describe_run(record, arguments).metrics = description;
  output.write_sample(sides.real.images);
  if (!sides.has_generated()) {
    record.metrics["n_real"] = sides.real.moments.count;
    output.finish(record, fmt::format("Statistics of {} images: {}\n", sides.real.moments.count,
                                      arguments.statistics.string()));
    return;
  }
  record.metrics["is_inception_fid"] = description.value("extractor", "") == "inception" &&
                                       is_published_inception(description.value("weights_sha256", ""));
  record.metrics.update(fid_metrics(arguments.scores, sides.real, sides.generated));
  const FidTable table = fid_table(record.metrics);
  output.write_table("fid.csv", table.header, {table.row});
  if (!arguments.common.out.empty()) {
    write_file(arguments.common.out / "page.html", fid_page(record.metrics));
  }
  output.finish(record, fid_summary(record.metrics));
}

}  // namespace

int eval_fid_command(int argc, char** argv) {
  CLI::App app(
      "Frechet and kernel distance between the features of real and of generated images, with precision, "
      "recall, "
      "density and coverage");
  FidArguments arguments;
  add_options(app, arguments);
  if (const auto code = parse_options(app, arguments.common, argc, argv)) {
    return *code;
  }
  if (!arguments.checkpoints.runs.empty()) {
    if (!arguments.generated.empty()) {
      fail("medisyn eval fid: expected --generated or --checkpoints, found both");
    }
    return eval_checkpoints(arguments.checkpoints, arguments.common, arguments.extractor, arguments.real);
  }
  arguments.scores.seed = arguments.common.seed;
  RunRecord record(argv[0]);
  FidSides sides = open_sides(arguments);
  return run_eval(arguments.common, app, "fid", argc, argv,
                  [&](torch::Device device, Communicator& ranks, EvalOutput* output) {
                    const Json description =
                        sides.need_extractor()
                            ? extract_sides(sides, arguments,
                                            open_extractor(arguments.extractor, arguments.common, device),
                                            device, ranks)
                            : description_of_files(sides);
                    if (output != nullptr) {
                      finish(*output, record, sides, arguments, description);
                    }
                  });
}

}  // namespace medisyn
