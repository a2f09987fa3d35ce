#include "msssim_sides.h"

#include <unistd.h>

#include <algorithm>
#include <set>

#include "medisyn/cli/eval_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/log.h"
#include "medisyn/core/progress.h"
#include "medisyn/eval/pair_scores.h"

namespace medisyn {
namespace {

/// Half of the machine's memory.
std::int64_t usual_memory() {
  return static_cast<std::int64_t>(sysconf(_SC_PHYS_PAGES)) * sysconf(_SC_PAGESIZE) / 2;
}

Json to_json(const std::vector<double>& scores) {
  if (scores.empty()) {
    return nullptr;
  }
  const ScoreSummary summary = summarise(scores);
  return {{"mean", summary.mean}, {"std", summary.std}, {"zeros", summary.zeros}, {"pairs", summary.pairs}};
}

void check_counts(const MsSsimSide& side, std::int64_t count) {
  const std::int64_t images = std::ssize(side.texts);
  if (images < 2) {
    fail("--{} {}: expected at least 2 images to compare, found {}", side.name, side.path.string(), images);
  }
  const std::int64_t least = (images + 1) / 2;
  if (count < least) {
    fail("--pairs {}: {} images need at least {} pairs, so that each is in one", count, images, least);
  }
  const std::int64_t possible = images * (images - 1) / 2;
  if (count > possible) {
    log_info("--{}: {} images make {} pairs, all of which are taken", side.name, images, possible);
  }
}

}  // namespace

MsSsimSide open_msssim_side(const std::string& name, const std::filesystem::path& path,
                            const MsSsimArguments& arguments) {
  CommonOptions options = arguments.common;
  if (!arguments.real.empty() && name != "real") {
    options.where = "";
  }
  MsSsimSide side{.name = name, .path = path, .images = open_images(path, options)};
  for (const Record& record : side.images.records) {
    side.texts.push_back(record.text);
  }
  check_counts(side, arguments.pairs);
  side.pairs = draw_diversity_pairs(side.texts, arguments.pairs, arguments.common.seed);
  return side;
}

void score(MsSsimSide& side, const MsSsimArguments& arguments) {
  std::vector<IndexPair> pairs = side.pairs.all;
  pairs.insert(pairs.end(), side.pairs.within.begin(), side.pairs.within.end());
  const PairScoreOptions options = {
      .scales = arguments.scales,
      .memory_bytes = arguments.memory_mib > 0 ? arguments.memory_mib << 20 : usual_memory(),
      .square_pixels = arguments.size};
  Progress progress("MS-SSIM of " + side.name, std::ssize(pairs), "pairs");
  const std::vector<double> scores = score_pairs(image_sources(side.images), pairs, options,
                                                 [&](std::int64_t done) { progress.update(done); });
  progress.finish();
  const auto within = scores.begin() + std::ssize(side.pairs.all);
  side.scores.assign(scores.begin(), within);
  side.within.assign(within, scores.end());
  side.between = scores_between(side.texts, side.pairs.all, side.scores);
}

Json to_json(const MsSsimSide& side) {
  Json json = to_json(side.scores);
  const std::set<std::string> texts(side.texts.begin(), side.texts.end());
  json.update({{"images", side.texts.size()},
               {"formats", image_formats(side.images)},
               {"prompts", texts.size() - texts.count("")},
               {"within_prompts", to_json(side.within)},
               {"between_prompts", to_json(side.between)}});
  return json;
}

}  // namespace medisyn
