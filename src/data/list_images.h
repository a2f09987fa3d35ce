// Folders and tar files of images without a manifest.
#pragma once

#include <filesystem>

#include "medisyn/data/manifest.h"

namespace medisyn {

/// The image files below a folder; where there is none, the images in its tar files. Sorted by name; hidden
/// files and folders are passed over. Error when there is neither.
Manifest list_images(const std::filesystem::path& folder);

/// The images of one tar file. Error when it holds none.
Manifest list_tar(const std::filesystem::path& archive);

}  // namespace medisyn
