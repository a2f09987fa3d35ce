// Volumes (CT, MRI, label maps) out of NIfTI, NRRD and raw files, turned to one canonical orientation.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace medisyn {

/// A volume in RAS+ order: x grows to the patient's right, y to the front, z to the head, x fastest in
/// memory. An oblique volume keeps its own grid: its axes are named after the nearest of the patient's.
struct Volume {
  std::array<int, 3> size{};        ///< voxels along x, y, z
  std::array<double, 3> spacing{};  ///< mm along x, y, z
  std::vector<float> voxels;        ///< [z, y, x], rescaled (HU for CT)
};

/// The most voxels that are read; a header that claims more is refused before anything is allocated.
inline constexpr std::int64_t kMaxVoxels = std::int64_t{1} << 29;

/// Reads .nii, .nii.gz, .hdr + .img by nifticlib. Three dimensions (a fourth of 1 is accepted). Affine:
/// sform, then qform, then spacings with x to the left, as nibabel does. Slope and intercept are applied
/// where the slope is not 0. Error naming the file: no NIfTI, other dimensions, complex or colour voxels, cut
/// short.
Volume read_nifti(const std::filesystem::path& path);

/// Reads NRRD (http://teem.sourceforge.net/nrrd/format.html) of three dimensions: raw, gzip or text encoding,
/// data in the file or in one beside it, any integer or float type, both byte orders, the spaces RAS, LPS and
/// LAS. Without a space the axes are taken as RAS. Error naming file and field.
Volume read_nrrd(const std::filesystem::path& path);

/// What a headerless file holds.
struct RawLayout {
  std::string dtype = "int16";  ///< uint8 int8 uint16 int16 uint32 int32 float32 float64
  bool is_little_endian = true;
  std::array<int, 3> size{};                     ///< fastest axis first
  std::array<double, 3> spacing{1.0, 1.0, 1.0};  ///< mm, fastest axis first
  std::string orientation = "RAS";  ///< where each axis grows to: R or L, A or P, S or I, each pair once
  std::int64_t offset = 0;          ///< bytes in front of the first voxel
};

/// Error when the file's size is not offset + voxels.
Volume read_raw_volume(const std::filesystem::path& path, const RawLayout& layout);

enum class Plane { kAxial, kCoronal, kSagittal };

/// "axial", "coronal", "sagittal".
const char* plane_name(Plane plane);
Plane plane_from_name(const std::string& name);

/// How many slices a volume has in a plane.
int slice_count(const Volume& volume, Plane plane);

struct Slice {
  int height = 0;
  int width = 0;
  double row_spacing = 1.0;     ///< mm between rows
  double column_spacing = 1.0;  ///< mm between columns
  std::vector<float> values;    ///< [H, W]
};

/// One slice in the radiological convention: axial and coronal with the patient's right on the left of the
/// picture, sagittal with the front on the left; front (axial) or head (others) up. `index` counts from left,
/// back or foot.
Slice take_slice(const Volume& volume, Plane plane, int index);

/// The value below which `percent` (0 to 100) of the voxels lie (nearest rank), among those above `floor`;
/// `floor` itself when there are none.
float percentile(const Volume& volume, double percent, float floor);

}  // namespace medisyn
