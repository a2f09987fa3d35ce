#include <nifti1_io.h>

#include <bit>
#include <cstdlib>
#include <limits>
#include <map>
#include <memory>
#include <string>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "voxels.h"

namespace medisyn {
namespace {

using NiftiImage = std::unique_ptr<nifti_image, decltype(&nifti_image_free)>;

VoxelType voxel_type(int datatype, const std::string& name) {
  static const std::map<int, VoxelType> types{
      {DT_UINT8, VoxelType::kUInt8},    {DT_INT8, VoxelType::kInt8},     {DT_UINT16, VoxelType::kUInt16},
      {DT_INT16, VoxelType::kInt16},    {DT_UINT32, VoxelType::kUInt32}, {DT_INT32, VoxelType::kInt32},
      {DT_UINT64, VoxelType::kUInt64},  {DT_INT64, VoxelType::kInt64},   {DT_FLOAT32, VoxelType::kFloat32},
      {DT_FLOAT64, VoxelType::kFloat64}};
  const auto found = types.find(datatype);
  if (found == types.end()) {
    fail("{}: expected integer or real voxels, found NIfTI datatype {} ({})", name, datatype,
         nifti_datatype_string(datatype));
  }
  return found->second;
}

constexpr std::int64_t kMaxRatio = 1100;  // deflate's own limit is 1,032

[[noreturn]] void refuse_format(const std::string& name) {
  fail("{}: expected a NIfTI file (.nii, .nii.gz, .hdr or .img), found something else", name);
}

/// The header as it stands in the file, in this machine's byte order.
nifti_1_header read_raw_header(const std::string& name) {
  const std::unique_ptr<char, decltype(&std::free)> file(nifti_findhdrname(name.c_str()), std::free);
  znzFile stream = file == nullptr ? nullptr : znzopen(file.get(), "rb", nifti_is_gzfile(file.get()));
  if (stream == nullptr) {
    refuse_format(name);
  }
  nifti_1_header header{};
  const std::size_t size = znzread(&header, 1, sizeof(header), stream);
  Xznzclose(&stream);
  if (size != sizeof(header)) {
    refuse_format(name);
  }
  if (header.dim[0] < 1 || header.dim[0] > 7) {
    swap_nifti_header(&header, NIFTI_VERSION(header));
  }
  return header;
}

/// Refuses what the library would answer by a line of its own on stderr, and offsets behind the end of the
/// file: it takes the bytes in front of the voxels for extensions, and their lengths for true.
void check_raw_header(const fs::path& path) {
  const std::string name = path.string();
  const nifti_1_header header = read_raw_header(name);
  if (nifti_hdr_looks_good(&header) == 0) {
    refuse_format(name);
  }
  if (header.dim[0] < 1 || header.dim[0] > 7 || header.dim[1] < 1) {
    fail("{}: expected 1 to 7 dimensions of at least 1 voxel, found {} and {} voxels along the first", name,
         header.dim[0], header.dim[1]);
  }
  voxel_type(header.datatype, name);
  const bool has_voxels = header.magic[1] == '+';  // "n+1": in the same file
  const auto size = static_cast<double>(fs::file_size(path)) *
                    (nifti_is_gzfile(name.c_str()) != 0 ? static_cast<double>(kMaxRatio) : 1.0);
  const auto offset = static_cast<double>(header.vox_offset);
  if (!(offset >= 0.0 && offset <= std::numeric_limits<int>::max() && (!has_voxels || offset <= size))) {
    fail("{}: expected voxels inside of the file, found their offset {}", name, offset);
  }
}

/// Refuses what the header says before the library allocates it.
std::int64_t check_header(const nifti_image& image, const fs::path& path) {
  const std::string name = path.string();
  if (image.ndim < 3 || image.nt > 1 || image.nu > 1 || image.nv > 1 || image.nw > 1) {
    fail("{}: expected a volume of 3 dimensions, found {} ({} x {} x {} x {})", name, image.ndim, image.nx,
         image.ny, image.nz, image.nt);
  }
  const std::int64_t count = checked_voxel_count({image.nx, image.ny, image.nz}, name);
  const auto wanted = count * static_cast<std::int64_t>(voxel_bytes(voxel_type(image.datatype, name)));
  std::error_code error;
  const auto size = static_cast<std::int64_t>(fs::file_size(image.iname, error));
  const std::int64_t can_hold =
      nifti_is_gzfile(image.iname) != 0 ? size * kMaxRatio : size - image.iname_offset;
  if (error || can_hold < wanted) {
    fail("{}: cut short: its header claims {} bytes of voxels, the file has {}", name, wanted,
         error ? 0 : size);
  }
  return count;
}

double millimetres(int units) {
  switch (units) {
    case NIFTI_UNITS_METER:
      return 1000.0;
    case NIFTI_UNITS_MICRON:
      return 0.001;
    default:
      return 1.0;
  }
}

std::array<std::array<double, 3>, 3> world_axes(const nifti_image& image) {
  const double unit = millimetres(image.xyz_units);
  std::array<std::array<double, 3>, 3> axes{};
  if (image.sform_code <= 0 && image.qform_code <= 0) {
    // Only spacings are known: Analyze's convention, in which x grows to the left.
    axes[0][0] = -image.dx * unit;
    axes[1][1] = image.dy * unit;
    axes[2][2] = image.dz * unit;
    return axes;
  }
  const mat44& affine = image.sform_code > 0 ? image.sto_xyz : image.qto_xyz;
  for (std::size_t world = 0; world < 3; ++world) {
    for (std::size_t k = 0; k < 3; ++k) {
      axes[world][k] = affine.m[world][k] * unit;
    }
  }
  return axes;
}

/// The voxels' bytes as they stand in the file. nifticlib would fill what a cut file lacks with zeros in
/// silence.
std::string read_voxel_bytes(const nifti_image& image, std::size_t wanted, const std::string& name) {
  if (image.iname_offset < 0) {
    fail("{}: expected voxels at a known offset, found offset {}", name, image.iname_offset);
  }
  const auto offset = static_cast<std::size_t>(image.iname_offset);
  const std::string bytes = read_file(image.iname);
  if (nifti_is_gzfile(image.iname) != 0) {
    return inflate(bytes, offset + wanted, name).substr(offset);
  }
  return bytes.substr(offset, wanted);
}

}  // namespace

Volume read_nifti(const fs::path& path) {
  const std::string name = path.string();
  if (!is_file(path)) {
    fail("{}: no such file", name);
  }
  nifti_set_debug_level(0);  // its messages go to stderr; ours say the same in one line
  check_raw_header(path);
  const NiftiImage image(nifti_image_read(name.c_str(), 0), nifti_image_free);
  if (image == nullptr) {
    refuse_format(name);
  }
  const std::int64_t count = check_header(*image, path);
  const VoxelType type = voxel_type(image->datatype, name);
  const std::string bytes =
      read_voxel_bytes(*image, static_cast<std::size_t>(count) * voxel_bytes(type), name);
  const bool is_native_order = image->byteorder == nifti_short_order();
  const bool is_native_little = std::endian::native == std::endian::little;
  StoredVolume stored{{image->nx, image->ny, image->nz}, world_axes(*image), {}};
  stored.voxels = to_float(bytes, type, is_native_order == is_native_little);
  if (image->scl_slope != 0.0F && (image->scl_slope != 1.0F || image->scl_inter != 0.0F)) {
    for (float& voxel : stored.voxels) {
      voxel = voxel * image->scl_slope + image->scl_inter;
    }
  }
  return to_canonical(std::move(stored), name);
}

}  // namespace medisyn
