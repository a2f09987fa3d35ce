// What the volume readers share: element types, and the turn from a file's axes to RAS+.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "medisyn/io/volume.h"

namespace medisyn {

enum class VoxelType { kUInt8, kInt8, kUInt16, kInt16, kUInt32, kInt32, kUInt64, kInt64, kFloat32, kFloat64 };

std::size_t voxel_bytes(VoxelType type);

/// "uint8", "int16", "float32" ...
std::optional<VoxelType> voxel_type_from_name(const std::string& name);

/// [n] of any type -> float32; `bytes` must hold all of them.
std::vector<float> to_float(std::string_view bytes, VoxelType type, bool is_little_endian);

/// The number of voxels. Error naming `name` when a size is below 1 or the product above kMaxVoxels.
std::int64_t checked_voxel_count(const std::array<std::int64_t, 3>& size, const std::string& name);

/// A volume as a file has it: column k of `axes` is the step along axis k in mm, in RAS world coordinates.
struct StoredVolume {
  std::array<int, 3> size{};                    ///< fastest axis first
  std::array<std::array<double, 3>, 3> axes{};  ///< axes[world][k]
  std::vector<float> voxels;
};

/// Permutes and flips the axes so that they come nearest to RAS+. Error naming `name` when the axes span no
/// volume.
Volume to_canonical(StoredVolume stored, const std::string& name);

/// Bytes out of a gzip or zlib stream that must give exactly `size`. Error naming `name` when it gives fewer
/// or is corrupt; nothing is allocated when the packed bytes cannot hold as many.
std::string inflate(std::string_view packed, std::size_t size, const std::string& name);

}  // namespace medisyn
