// One file of a repository becomes finished images.
#pragma once

#include <filesystem>
#include <string>

#include "medisyn/curate/describe.h"
#include "medisyn/curate/image_store.h"
#include "medisyn/curate/journal.h"

namespace medisyn {

/// A hash of all that the images of a repository's files depend on beside the files: its config, the study's
/// size and format, its label volume.
std::string repository_key(const CurateConfig& config, const RepositoryConfig& repository);

/// A hash of the repository's key, the file's size and time, its columns and its annotations.
std::string item_key(const std::string& repository_key, const CurateConfig& config,
                     const RepositoryConfig& repository, const Item& item);

/// Reads, cuts, resizes, describes and hashes, and gives images/<repository>/<id>.png (or .jpg) to the store.
/// A file that cannot be read, or only in part, gives no image and
/// its reason in `rejected`. Error when an image cannot be written. Any thread.
ItemResult make_item(const CurateConfig& config, const RepositoryConfig& repository,
                     const Describer& describer, const Item& item, std::string key, ImageStore& store);

}  // namespace medisyn
