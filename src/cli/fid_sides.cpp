#include "fid_sides.h"

#include "medisyn/cli/eval_commands.h"
#include "medisyn/core/error.h"
#include "medisyn/core/log.h"

namespace medisyn {
namespace {

std::string text_of(const Json& value) { return value.is_string() ? value.get<std::string>() : value.dump(); }

}  // namespace

FidSide open_fid_side(const fs::path& path, const std::string& name, const CommonOptions& options,
                      bool is_chosen) {
  FidSide side{.path = path, .name = name};
  if (is_statistics_file(path)) {
    if (is_chosen && (!options.where.empty() || options.sample > 0)) {
      fail("{}: --where and --sample choose among images, found a file of statistics", path.string());
    }
    side.statistics = read_statistics(path);
    side.moments = side.statistics->moments;
    return side;
  }
  side.images = is_chosen ? open_images(path, options) : read_manifest(path);
  if (side.images.records.size() < 2) {
    fail("--{} {}: expected at least 2 images, found {}", name, path.string(), side.images.records.size());
  }
  side.formats = image_formats(side.images);
  return side;
}

void check_made_alike(const FidSide& file, const Json& description, std::int64_t width) {
  const Json& its_own = file.statistics->description;
  if (its_own.is_null()) {
    log_warning(
        "{}: does not say how its features were made: compare it with none but the same extractor, weights "
        "and resize",
        file.path.string());
  } else {
    for (const auto& [key, value] : description.items()) {
      const auto found = its_own.find(key);
      if (found == its_own.end() || *found != value) {
        fail("{}: {}: made with '{}', the other side with '{}': distances of different features mean nothing",
             file.path.string(), key, found == its_own.end() ? "" : text_of(*found), text_of(value));
      }
    }
  }
  if (file.moments.mean.size(0) != width) {
    fail("{}: expected features of {} values, found {}", file.path.string(), width,
         file.moments.mean.size(0));
  }
}

void extract(FidSide& side, const Extractor& extractor, torch::Device device,
             const ExtractionOptions& options) {
  side.features = extract_features(extractor, image_sources(side.images), side.name, device, options);
  side.moments = moments_of(statistics_of(side.features));
}

}  // namespace medisyn
