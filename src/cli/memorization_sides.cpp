#include "memorization_sides.h"

#include <algorithm>
#include <set>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/log.h"
#include "medisyn/data/disjoint.h"
#include "medisyn/data/filter.h"
#include "medisyn/data/sample.h"

namespace medisyn {
namespace {

constexpr const char* kDefaultTraining = "split=train";
constexpr const char* kDefaultHeldOut = "split=test";
constexpr const char* kNone = "none";

Side of_kinds(Manifest manifest, const std::set<ImageKind>& wanted) {
  std::erase_if(manifest.records, [&](const Record& record) {
    return !wanted.contains({record.specialty, record.image_type});
  });
  std::vector<ImageKind> kinds = kinds_of(manifest);
  return {std::move(manifest), std::move(kinds)};
}

Manifest training_of(const Manifest& real, const SidesOptions& options) {
  const bool has_splits = std::any_of(real.records.begin(), real.records.end(),
                                      [](const Record& record) { return !record.split.empty(); });
  const std::string by_default = has_splits ? kDefaultTraining : "";
  return filtered(real, options.training.empty() ? by_default : options.training);
}

Manifest held_out_of(const Manifest& real, const SidesOptions& options) {
  if (options.held_out == kNone) {
    return {real.root, {}};
  }
  if (!options.held_out.empty()) {
    return filtered(real, options.held_out);
  }
  Manifest held_out = real;
  const Filter filter = parse_filter(kDefaultHeldOut);
  std::erase_if(held_out.records, [&](const Record& record) { return !filter(record); });
  return held_out;
}

void require_two(const Manifest& images, const fs::path& path, const char* what) {
  if (images.records.size() < 2) {
    fail("{}: expected at least 2 {} images, found {}", path.string(), what, images.records.size());
  }
}

void require_training(const MemorizationSides& sides, const fs::path& real) {
  const std::set<ImageKind> there(sides.training.kinds.begin(), sides.training.kinds.end());
  for (std::size_t i = 0; i < sides.generated.kinds.size(); ++i) {
    if (!there.contains(sides.generated.kinds[i])) {
      fail("{}: expected training images of {}, of which {} is to be, found none", real.string(),
           to_string(sides.generated.kinds[i]), sides.generated.images.records[i].file_name);
    }
  }
}

}  // namespace

MemorizationSides open_sides(const SidesOptions& options, const CommonOptions& common) {
  const Manifest real = filtered(read_manifest(options.real), common.where);
  MemorizationSides sides;
  sides.generated.images = sample(read_manifest(options.generated), common.sample, common.seed);
  require_two(sides.generated.images, options.generated, "generated");
  sides.generated.kinds = prompted_kinds(sides.generated.images, real);
  const std::set<ImageKind> wanted(sides.generated.kinds.begin(), sides.generated.kinds.end());
  const Manifest training = training_of(real, options);
  require_two(training, options.real, "training");
  const Manifest held_out = held_out_of(real, options);
  if (held_out.records.empty()) {
    log_info("no held-out real images: how near those come to training images is not measured");
  } else {
    check_disjoint(training, "training images", held_out, "held-out images");
  }
  sides.training = of_kinds(training, wanted);
  sides.held_out = of_kinds(held_out, wanted);
  require_training(sides, options.real);
  return sides;
}

}  // namespace medisyn
