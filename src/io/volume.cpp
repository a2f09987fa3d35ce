#include "medisyn/io/volume.h"

#include <algorithm>
#include <cmath>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "voxels.h"

namespace medisyn {
namespace {

/// "LPS" -> the direction of each stored axis in RAS, times its spacing.
std::array<std::array<double, 3>, 3> axes_from_letters(const RawLayout& layout, const std::string& name) {
  std::array<std::array<double, 3>, 3> axes{};
  std::array<bool, 3> seen{};
  for (std::size_t k = 0; k < layout.orientation.size() && k < 3; ++k) {
    const std::size_t letter = std::string("RASLPI").find(layout.orientation[k]);
    if (letter != std::string::npos) {
      seen[letter % 3] = true;
      axes[letter % 3][k] = letter < 3 ? layout.spacing[k] : -layout.spacing[k];
    }
  }
  if (layout.orientation.size() != 3 || !seen[0] || !seen[1] || !seen[2]) {
    fail(
        "{}: expected an orientation of three letters, one of R L, one of A P, one of S I, such as LPS; "
        "found {:?}",
        name, layout.orientation);
  }
  return axes;
}

}  // namespace

Volume read_raw_volume(const fs::path& path, const RawLayout& layout) {
  const std::string name = path.string();
  const auto type = voxel_type_from_name(layout.dtype);
  if (!type) {
    fail("{}: expected a dtype such as uint8, int16 or float32, found {:?}", name, layout.dtype);
  }
  const std::int64_t count = checked_voxel_count({layout.size[0], layout.size[1], layout.size[2]}, name);
  StoredVolume stored{layout.size, axes_from_letters(layout, name), {}};
  const std::int64_t wanted = layout.offset + count * static_cast<std::int64_t>(voxel_bytes(*type));
  std::error_code error;
  const auto size = static_cast<std::int64_t>(fs::file_size(path, error));
  if (!error && size != wanted) {
    fail("{}: expected {} bytes ({} x {} x {} voxels of {} behind {} bytes), found {}", name, wanted,
         layout.size[0], layout.size[1], layout.size[2], layout.dtype, layout.offset, size);
  }
  const std::string bytes = read_file(path);
  stored.voxels = to_float(std::string_view(bytes).substr(static_cast<std::size_t>(layout.offset)), *type,
                           layout.is_little_endian);
  return to_canonical(std::move(stored), name);
}

const char* plane_name(Plane plane) {
  switch (plane) {
    case Plane::kAxial:
      return "axial";
    case Plane::kCoronal:
      return "coronal";
    default:
      return "sagittal";
  }
}

Plane plane_from_name(const std::string& name) {
  for (const Plane plane : {Plane::kAxial, Plane::kCoronal, Plane::kSagittal}) {
    if (name == plane_name(plane)) {
      return plane;
    }
  }
  fail("expected a plane axial, coronal or sagittal, found {:?}", name);
}

int slice_count(const Volume& volume, Plane plane) {
  switch (plane) {
    case Plane::kAxial:
      return volume.size[2];
    case Plane::kCoronal:
      return volume.size[1];
    default:
      return volume.size[0];
  }
}

Slice take_slice(const Volume& volume, Plane plane, int index) {
  if (index < 0 || index >= slice_count(volume, plane)) {
    fail("slice {} of {} {} slices does not exist", index, slice_count(volume, plane), plane_name(plane));
  }
  const auto [nx, ny, nz] = volume.size;
  const auto at = [&, width = nx, height = ny](int x, int y, int z) {
    const auto row = (static_cast<std::ptrdiff_t>(z) * height + y) * width;
    return volume.voxels[static_cast<std::size_t>(row + x)];
  };
  Slice slice;
  slice.height = plane == Plane::kAxial ? ny : nz;
  slice.width = plane == Plane::kSagittal ? ny : nx;
  slice.row_spacing = volume.spacing[plane == Plane::kAxial ? 1 : 2];
  slice.column_spacing = volume.spacing[plane == Plane::kSagittal ? 1 : 0];
  slice.values.reserve(static_cast<std::size_t>(slice.height) * static_cast<std::size_t>(slice.width));
  for (int row = slice.height - 1; row >= 0; --row) {
    for (int column = slice.width - 1; column >= 0; --column) {
      switch (plane) {
        case Plane::kAxial:
          slice.values.push_back(at(column, row, index));
          break;
        case Plane::kCoronal:
          slice.values.push_back(at(column, index, row));
          break;
        case Plane::kSagittal:
          slice.values.push_back(at(index, column, row));
          break;
      }
    }
  }
  return slice;
}

float percentile(const Volume& volume, double percent, float floor) {
  std::vector<float> values;
  std::copy_if(volume.voxels.begin(), volume.voxels.end(), std::back_inserter(values),
               [floor](float value) { return value > floor; });
  if (values.empty()) {
    return floor;
  }
  const double rank = std::clamp(percent, 0.0, 100.0) / 100.0 * static_cast<double>(values.size() - 1);
  const auto nth = values.begin() + static_cast<std::ptrdiff_t>(std::lround(rank));
  std::nth_element(values.begin(), nth, values.end());
  return *nth;
}

}  // namespace medisyn
