// The sets of images of `medisyn eval msssim`: generated ones, and real ones beside them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "medisyn/cli/options.h"
#include "medisyn/core/run_record.h"
#include "medisyn/data/manifest.h"
#include "medisyn/eval/diversity.h"

namespace medisyn {

struct MsSsimArguments {
  CommonOptions common = {};
  std::filesystem::path images = {};
  std::filesystem::path real = {};  ///< "": none
  std::int64_t pairs = 50000;
  std::int64_t scales = 5;
  int size = 0;                 ///< 0: images as they are
  std::int64_t memory_mib = 0;  ///< 0: half of the machine's
};

/// A set with its pairs and their scores.
struct MsSsimSide {
  std::string name;  ///< of the option: "images", "real"
  std::filesystem::path path = {};
  Manifest images = {};
  std::vector<std::string> texts = {};
  DiversityPairs pairs = {};
  std::vector<double> scores = {};  ///< of pairs.all
  std::vector<double> within = {};  ///< of pairs.within
  std::vector<double> between = {};
};

/// Reads the list of a set and draws its pairs. Error for fewer than two images, or pairs too few for each
/// image to be in one.
MsSsimSide open_msssim_side(const std::string& name, const std::filesystem::path& path,
                            const MsSsimArguments& arguments);

void score(MsSsimSide& side, const MsSsimArguments& arguments);

/// mean, std, zeros, pairs, images, formats, within_prompts, between_prompts; the last two null where images
/// have no texts.
Json to_json(const MsSsimSide& side);

}  // namespace medisyn
