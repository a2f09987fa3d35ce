// The two sides of `medisyn eval fid`: images, or a file of statistics.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "medisyn/cli/options.h"
#include "medisyn/data/manifest.h"
#include "medisyn/eval/statistics_file.h"
#include "medisyn/features/extractor.h"

namespace medisyn {

struct FidSide {
  std::filesystem::path path;
  std::string name;                                  ///< "real", "generated"
  std::optional<StatisticsFile> statistics = {};     ///< of a .npz
  Manifest images = {};                              ///< otherwise
  std::map<std::string, std::int64_t> formats = {};  ///< images by extension: "png"
  torch::Tensor features = {};                       ///< [N, D] once they were made
  Moments moments = {};                              ///< of those, or of the file

  bool has_images() const { return !statistics.has_value(); }
};

/// Reads the list of the images that --where and --sample leave when they are `chosen`, or the file. Error
/// for fewer than two images.
FidSide open_fid_side(const std::filesystem::path& path, const std::string& name,
                      const CommonOptions& options, bool is_chosen);

/// Error when a file's statistics were made otherwise than `description` says, or have another width. Of a
/// file that does not say, the width is all that is known.
void check_made_alike(const FidSide& file, const Json& description, std::int64_t width);

/// Makes features and moments of a side of images.
void extract(FidSide& side, const Extractor& extractor, torch::Device device,
             const ExtractionOptions& options);

}  // namespace medisyn
