#include <fmt/ranges.h>

#include <algorithm>
#include <optional>

#include "evaluation_pages.h"
#include "medisyn/cli/eval_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/eval/ms_ssim.h"
#include "msssim_sides.h"

namespace medisyn {
namespace {

constexpr const char* kDefinition =
    "pytorch-msssim: 11-tap Gaussian sigma 1.5, K 0.01 and 0.03, ReLU per channel, RGB, data range 255";

void add_options(CLI::App& app, MsSsimArguments& arguments) {
  app.add_option("--images", arguments.images, "Manifest, run of generate, folder of images or tar shards")
      ->required();
  app.add_option("--real", arguments.real,
                 "Real images, of which --where chooses then: the same statistics beside those of --images");
  app.add_option("--pairs", arguments.pairs, "Random pairs of a set; every image is in at least one")
      ->capture_default_str();
  app.add_option("--scales", arguments.scales, "1 to 5 scales: five need 161 pixels, three 41")
      ->capture_default_str()
      ->check(CLI::Range(1, 5));
  app.add_option(
         "--size", arguments.size,
         "Shorter side to N pixels, antialiased, then the centre square (default: images as they are, "
         "of one size)")
      ->type_name("N")
      ->check(CLI::Range(11, 8192));
  app.add_option("--memory", arguments.memory_mib, "MiB for images (default: half of the machine's)")
      ->type_name("MIB")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1} << 30U));
  add_common_options(app, arguments.common, kTakesOut | kTakesSeed | kTakesWhere);
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

/// pairs.csv, within_pairs.csv, and of real images real_pairs.csv, real_within_pairs.csv.
void write_pairs(const EvalOutput& output, const MsSsimSide& side, const std::string& prefix) {
  const std::vector<std::string> header = {"a", "b", "ms_ssim"};
  output.write_table(prefix + "pairs.csv", header, rows_of(side.images, side.pairs.all, side.scores));
  if (!side.within.empty()) {
    output.write_table(prefix + "within_pairs.csv", header,
                       rows_of(side.images, side.pairs.within, side.within));
  }
}

std::string resize_of(const MsSsimArguments& arguments) {
  return arguments.size == 0 ? "none"
                             : fmt::format("{0}x{0}, bicubic with antialias, centre crop", arguments.size);
}

std::string summary(const Json& metrics) {
  std::string text =
      fmt::format("MS-SSIM with {} scales (weights {:.4f})\n", metrics.at("scales").get<std::int64_t>(),
                  fmt::join(metrics.at("weights").get<std::vector<double>>(), ", "));
  const auto line = [&](const std::string& name, const Json& score) {
    if (!score.is_null()) {
      text += fmt::format("{}: {:.4f} +- {:.4f} ({} pairs, {} of them 0)\n", name,
                          score.at("mean").get<double>(), score.at("std").get<double>(),
                          score.at("pairs").get<std::int64_t>(), score.at("zeros").get<std::int64_t>());
    }
  };
  const auto lines = [&](const std::string& name, const Json& side) {
    line(fmt::format("{} {}images", side.at("images").get<std::int64_t>(), name), side);
    line("  of one prompt", side.at("within_prompts"));
    line("  of different prompts", side.at("between_prompts"));
  };
  lines("", metrics);
  if (!metrics.at("real").is_null()) {
    lines("real ", metrics.at("real"));
  }
  return text;
}

}  // namespace

int eval_msssim_command(int argc, char** argv) {
  CLI::App app("Multi-scale structural similarity of random pairs: the lower, the more diverse");
  MsSsimArguments arguments;
  add_options(app, arguments);
  if (const auto code = parse_options(app, arguments.common, argc, argv)) {
    return *code;
  }
  RunRecord record(argv[0]);
  std::vector<MsSsimSide> sides = {open_msssim_side("images", arguments.images, arguments)};
  if (!arguments.real.empty()) {
    sides.push_back(open_msssim_side("real", arguments.real, arguments));
  }
  EvalOutput output(arguments.common);
  for (MsSsimSide& side : sides) {
    score(side, arguments);
    record.add_input(side.path);
  }
  record.config = {{"images", arguments.images.string()}, {"real", arguments.real.string()},
                   {"where", arguments.common.where},     {"sample", arguments.common.sample},
                   {"seed", arguments.common.seed},       {"pairs", arguments.pairs},
                   {"scales", arguments.scales},          {"size", arguments.size}};
  record.metrics = to_json(sides.front());
  record.metrics.update({{"scales", arguments.scales},
                         {"weights", ms_ssim_weights(arguments.scales)},
                         {"definition", kDefinition},
                         {"resize", resize_of(arguments)},
                         {"real", sides.size() > 1 ? to_json(sides.back()) : Json(nullptr)}});
  for (const MsSsimSide& side : sides) {
    const std::string prefix = side.name == "real" ? "real_" : "";
    output.write_sample(side.images, prefix + "sample.jsonl");
    write_pairs(output, side, prefix);
  }
  if (!arguments.common.out.empty()) {
    write_file(arguments.common.out / "page.html", msssim_page(record.metrics, sides));
  }
  output.finish(record, summary(record.metrics));
  return 0;
}

}  // namespace medisyn
