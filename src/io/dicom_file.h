// Opens DICOM files for the reader.
#pragma once

#include <filesystem>
#include <memory>

class DcmFileFormat;

namespace medisyn {

/// The parsed file; values of more than 4 kB stay on disk until they are asked for, unless the file is
/// deflated. The codecs of DCMTK are registered. Error naming the file when there is none, or none that can
/// be parsed.
std::unique_ptr<DcmFileFormat> open_dicom(const std::filesystem::path& path);

}  // namespace medisyn
