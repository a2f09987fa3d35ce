// The images of `medisyn eval memorization`: generated ones, those trained on, and held-out real ones.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "medisyn/cli/options.h"
#include "medisyn/data/manifest.h"
#include "medisyn/eval/image_kinds.h"

namespace medisyn {

struct SidesOptions {
  std::filesystem::path real, generated;
  std::string training = "";  ///< filter; "": split=train where the manifest has splits, else all
  std::string held_out = "";  ///< filter; "": split=test where there are such images; "none": none
};

/// Images with their kinds.
struct Side {
  Manifest images;
  std::vector<ImageKind> kinds;
};

struct MemorizationSides {
  Side generated;
  Side training;  ///< those of the kinds that were generated
  Side held_out;  ///< likewise; may be empty
};

/// Reads and filters. Error for fewer than two generated or training images, a generated image whose kind is
/// not known or of which there is no training image, or held-out images that are training images too.
MemorizationSides open_sides(const SidesOptions& options, const CommonOptions& common);

}  // namespace medisyn
