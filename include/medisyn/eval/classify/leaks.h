// Which real images a generator saw, and whether sets that must not meet have a patient in common.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/data/manifest.h"

namespace medisyn {

/// A generator's own training set, out of its run's result.json.
struct GeneratorData {
  std::string name;                  ///< the model or the run of generate that was asked for
  std::optional<Manifest> training;  ///< none where nothing says what it was
  std::string why_unknown = {};
};

/// `path`: a run of `medisyn train`, a checkpoint of one, or a run of `medisyn generate`, whose config names
/// its model.
GeneratorData generator_data(const std::filesystem::path& path);

/// Of two sets: the patients or split groups of each, and those that they share.
struct LeakCheck {
  std::string first, second;  ///< "generator's training set runs/unet", "test set"
  std::int64_t first_groups = 0, second_groups = 0;
  std::int64_t shared_groups = 0, shared_images = 0;  ///< images of the second set in shared groups
  std::string why_unknown = {};                       ///< not "" where it could not be checked

  bool is_clean() const { return why_unknown.empty() && shared_groups == 0; }
};

LeakCheck check_leak(const std::string& first_name, const Manifest& first, const std::string& second_name,
                     const Manifest& second);

/// One line under every table: "no group shared: ..." or what is.
std::string leak_line(const std::vector<LeakCheck>& checks);

/// Error naming the first image when the generator saw one that is not among `allowed`, or when nothing says
/// what it saw. By the pictures' hashes, where there are such, else by their files. `what`: "1 % of the
/// training set".
void require_no_peek(const GeneratorData& generator, const Manifest& allowed, const std::string& what);

}  // namespace medisyn
