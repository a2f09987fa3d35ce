#include "voxels.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "medisyn/core/error.h"

namespace medisyn {
namespace {

template <class T>
void convert(std::string_view bytes, bool swaps, std::vector<float>& out) {
  out.resize(bytes.size() / sizeof(T));
  std::array<char, sizeof(T)> element{};
  for (std::size_t i = 0; i < out.size(); ++i) {
    std::memcpy(element.data(), bytes.data() + i * sizeof(T), sizeof(T));
    if (swaps) {
      std::reverse(element.begin(), element.end());
    }
    out[i] = static_cast<float>(std::bit_cast<T>(element));
  }
}

using Axes = std::array<std::array<double, 3>, 3>;

std::array<double, 3> lengths(const Axes& axes, const std::string& name) {
  std::array<double, 3> length{};
  for (std::size_t k = 0; k < 3; ++k) {
    length[k] = std::hypot(axes[0][k], axes[1][k], axes[2][k]);
    if (!std::isfinite(length[k]) || length[k] <= 0.0) {
      fail("{}: expected three axes of a length above 0 mm, found {} mm for axis {}", name, length[k], k + 1);
    }
  }
  return length;
}

/// order[world] = the stored axis that runs along it: of the six permutations, the one whose directions agree
/// best.
std::array<std::size_t, 3> nearest_axes(const Axes& axes, const std::array<double, 3>& length) {
  std::array<std::size_t, 3> order{0, 1, 2};
  std::array<std::size_t, 3> best = order;
  double best_agreement = -1.0;
  do {
    double agreement = 0.0;
    for (std::size_t world = 0; world < 3; ++world) {
      agreement += std::abs(axes[world][order[world]]) / length[order[world]];
    }
    if (agreement > best_agreement) {
      best_agreement = agreement;
      best = order;
    }
  } while (std::next_permutation(order.begin(), order.end()));
  return best;
}

void check_volume(const Axes& a, const std::array<double, 3>& length, const std::string& name) {
  const double determinant = a[0][0] * (a[1][1] * a[2][2] - a[1][2] * a[2][1]) -
                             a[0][1] * (a[1][0] * a[2][2] - a[1][2] * a[2][0]) +
                             a[0][2] * (a[1][0] * a[2][1] - a[1][1] * a[2][0]);
  if (std::abs(determinant) < 1e-3 * length[0] * length[1] * length[2]) {
    fail("{}: expected three axes that span a volume, found two of them parallel", name);
  }
}

}  // namespace

std::size_t voxel_bytes(VoxelType type) {
  switch (type) {
    case VoxelType::kUInt8:
    case VoxelType::kInt8:
      return 1;
    case VoxelType::kUInt16:
    case VoxelType::kInt16:
      return 2;
    case VoxelType::kUInt32:
    case VoxelType::kInt32:
    case VoxelType::kFloat32:
      return 4;
    default:
      return 8;
  }
}

std::optional<VoxelType> voxel_type_from_name(const std::string& name) {
  static const std::map<std::string, VoxelType> types{
      {"uint8", VoxelType::kUInt8},    {"int8", VoxelType::kInt8},     {"uint16", VoxelType::kUInt16},
      {"int16", VoxelType::kInt16},    {"uint32", VoxelType::kUInt32}, {"int32", VoxelType::kInt32},
      {"uint64", VoxelType::kUInt64},  {"int64", VoxelType::kInt64},   {"float32", VoxelType::kFloat32},
      {"float64", VoxelType::kFloat64}};
  const auto found = types.find(name);
  return found == types.end() ? std::nullopt : std::optional(found->second);
}

std::vector<float> to_float(std::string_view bytes, VoxelType type, bool is_little_endian) {
  const bool swaps = is_little_endian != (std::endian::native == std::endian::little);
  std::vector<float> out;
  switch (type) {
    case VoxelType::kUInt8:
      convert<std::uint8_t>(bytes, swaps, out);
      break;
    case VoxelType::kInt8:
      convert<std::int8_t>(bytes, swaps, out);
      break;
    case VoxelType::kUInt16:
      convert<std::uint16_t>(bytes, swaps, out);
      break;
    case VoxelType::kInt16:
      convert<std::int16_t>(bytes, swaps, out);
      break;
    case VoxelType::kUInt32:
      convert<std::uint32_t>(bytes, swaps, out);
      break;
    case VoxelType::kInt32:
      convert<std::int32_t>(bytes, swaps, out);
      break;
    case VoxelType::kUInt64:
      convert<std::uint64_t>(bytes, swaps, out);
      break;
    case VoxelType::kInt64:
      convert<std::int64_t>(bytes, swaps, out);
      break;
    case VoxelType::kFloat32:
      convert<float>(bytes, swaps, out);
      break;
    case VoxelType::kFloat64:
      convert<double>(bytes, swaps, out);
      break;
  }
  return out;
}

std::int64_t checked_voxel_count(const std::array<std::int64_t, 3>& size, const std::string& name) {
  std::int64_t count = 1;
  for (const std::int64_t n : size) {
    if (n < 1 || n > kMaxVoxels / count) {
      fail("{}: its header claims {} x {} x {} voxels; expected at least 1 each and {} together at most",
           name, size[0], size[1], size[2], kMaxVoxels);
    }
    count *= n;
  }
  return count;
}

Volume to_canonical(StoredVolume stored, const std::string& name) {
  const std::array<double, 3> length = lengths(stored.axes, name);
  check_volume(stored.axes, length, name);
  const auto order = nearest_axes(stored.axes, length);
  const std::array<std::ptrdiff_t, 3> stored_step{
      1, stored.size[0], static_cast<std::ptrdiff_t>(stored.size[0]) * stored.size[1]};
  Volume volume;
  std::array<std::ptrdiff_t, 3> step{};
  std::ptrdiff_t begin = 0;
  bool is_canonical = true;
  for (std::size_t world = 0; world < 3; ++world) {
    const std::size_t k = order[world];
    const bool is_flipped = stored.axes[world][k] < 0.0;
    volume.size[world] = stored.size[k];
    volume.spacing[world] = length[k];
    step[world] = is_flipped ? -stored_step[k] : stored_step[k];
    begin += is_flipped ? stored_step[k] * (stored.size[k] - 1) : 0;
    is_canonical = is_canonical && k == world && !is_flipped;
  }
  if (is_canonical) {
    volume.voxels = std::move(stored.voxels);
    return volume;
  }
  volume.voxels.reserve(stored.voxels.size());
  for (int z = 0; z < volume.size[2]; ++z) {
    for (int y = 0; y < volume.size[1]; ++y) {
      std::ptrdiff_t at = begin + z * step[2] + y * step[1];
      for (int x = 0; x < volume.size[0]; ++x, at += step[0]) {
        volume.voxels.push_back(stored.voxels[static_cast<std::size_t>(at)]);
      }
    }
  }
  return volume;
}

std::string inflate(std::string_view packed, std::size_t size, const std::string& name) {
  constexpr std::size_t kMaxRatio = 1100;  // deflate's own limit is 1,032
  if (size / kMaxRatio > packed.size()) {
    fail("{}: {} packed bytes cannot hold the {} that its header claims", name, packed.size(), size);
  }
  std::string bytes(size, '\0');
  z_stream stream{};
  constexpr int kAnyHeader = 15 + 32;  // gzip or zlib, found out by zlib
  if (inflateInit2(&stream, kAnyHeader) != Z_OK) {
    fail("{}: zlib cannot be started", name);
  }
  // zlib counts in 32 bits: both sides go in pieces.
  constexpr std::size_t kPiece = std::size_t{1} << 30;
  std::size_t read = 0;
  std::size_t written = 0;
  int status = Z_OK;
  while (status == Z_OK && written < size && read < packed.size()) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data() + read));  // NOLINT: only read
    stream.avail_in = static_cast<uInt>(std::min(kPiece, packed.size() - read));
    stream.next_out = reinterpret_cast<Bytef*>(bytes.data() + written);
    stream.avail_out = static_cast<uInt>(std::min(kPiece, size - written));
    const uInt in_before = stream.avail_in;
    const uInt out_before = stream.avail_out;
    status = ::inflate(&stream, Z_NO_FLUSH);
    read += in_before - stream.avail_in;
    written += out_before - stream.avail_out;
  }
  inflateEnd(&stream);
  if (written < size) {
    fail("{}: corrupt or cut short: {} of {} bytes could be unpacked", name, written, size);
  }
  return bytes;
}

}  // namespace medisyn
