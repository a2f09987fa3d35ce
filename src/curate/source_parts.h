// What the volume reader and the picture reader share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "medisyn/curate/source.h"
#include "medisyn/curate/split.h"
#include "medisyn/text/caption.h"

namespace medisyn {

inline constexpr const char* kBlank = "blank (too little foreground)";
inline constexpr const char* kAcrossBorder = "across the border of a held-out part";

/// Every placeholder that a caption of this reader may use, with `given` filled in and the others empty.
CaptionWords caption_words(const RepositoryConfig& repository, const CaptionWords& given);

/// The path below the repository's folder (or the file's own name) without its extensions.
std::string stem_of(const CurateConfig& config, const RepositoryConfig& repository,
                    const std::filesystem::path& path);

/// The patient of a file: see PatientConfig. `dicom_hash` is "" for other formats. Error when the regular
/// expression does not match, or its group is no number where it is to be divided.
std::string patient_of(const RepositoryConfig& repository, const std::string& stem,
                       const std::string& dicom_hash);

/// Frame (or slice) `index` of `count` for the split by frames.
Extent frame_extent(const RepositoryConfig& repository, int index, int count);

/// Chooses the side, fills caption and record, and hands the image on; counts it when it lies across a
/// border.
void take_image(const RepositoryConfig& repository, Collector& collector, const Image& image,
                const std::string& name, const CaptionWords& words,
                const std::vector<std::string>& structures, const std::string& patient, const Extent& extent);

void read_volume_file(const CurateConfig& config, const RepositoryConfig& repository,
                      const std::filesystem::path& path, Collector& collector);
void read_picture_file(const CurateConfig& config, const RepositoryConfig& repository,
                       const std::filesystem::path& path, Collector& collector);
void read_dicom_file(const CurateConfig& config, const RepositoryConfig& repository,
                     const std::filesystem::path& path, Collector& collector);

}  // namespace medisyn
