// The samples of a WebDataset's archive as items.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "medisyn/curate/item.h"

namespace medisyn {

/// The pictures of an archive, each with the columns that the other members of its sample give: the keys of
/// its .json, and "txt", "cls" by their extension. `below`: the archive's path below the repository's folder.
/// A sample whose columns cannot be read, and an empty picture, have a fault. Error: a damaged archive.
std::vector<Item> list_tar_samples(const std::filesystem::path& archive, const std::string& below);

}  // namespace medisyn
