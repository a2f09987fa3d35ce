// The safetensors file format: named tensors with a JSON header, read through a memory map.
//
//   8 bytes    little-endian length N of the header
//   N bytes    JSON: {"__metadata__": {"k": "v"}, "name": {"dtype": "F32", "shape": [2, 3], "data_offsets":
//   [0, 24]}} the rest   the tensors' bytes, little endian, row-major, back to back, offsets counted from
//   here
//
// Source: https://github.com/huggingface/safetensors (README, "Format").
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace medisyn {

using TensorMap = std::map<std::string, torch::Tensor>;

/// One entry of a header, checked: the bytes lie inside the file and their number follows from dtype and
/// shape.
struct SafetensorsEntry {
  torch::ScalarType dtype;
  std::vector<std::int64_t> shape;
  std::uint64_t begin = 0;  ///< bytes from the start of the file
  std::uint64_t end = 0;
};

/// A file whose header was validated. Copies share one mapping, which lives as long as any of them or of
/// their tensors.
class Safetensors {
 public:
  /// Error naming the file, and the tensor where there is one, for anything but a whole and consistent file:
  /// header length, JSON, dtype, shape, offsets (in bounds, back to back, none shared), names given twice.
  /// Nothing is allocated by a size that the header claims.
  explicit Safetensors(const std::filesystem::path& path);

  std::vector<std::string> names() const;  ///< sorted
  bool contains(const std::string& name) const { return entries_.contains(name); }

  /// dtype, shape and place of a tensor. Error when the file has none of this name.
  const SafetensorsEntry& entry(const std::string& name) const;

  /// A view of the mapped bytes, which are read when they are first touched. Writing into it changes this
  /// process's memory alone, never the file. Its memory is given back when the tensor and all that share its
  /// storage are gone: a later tensor of this name holds what the file holds. Ask for a name once at a time.
  /// Error when the file has no tensor of this name.
  torch::Tensor tensor(const std::string& name) const;

  /// All tensors, as views.
  TensorMap all() const;

  /// The header's `__metadata__`.
  const std::map<std::string, std::string>& metadata() const { return metadata_; }

  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  std::shared_ptr<void> mapping_;
  std::map<std::string, SafetensorsEntry> entries_;
  std::map<std::string, std::string> metadata_;
};

/// Lets go of the memory behind a view of a mapped file, which is read again when it is next touched. Other
/// tensors stay as they are. What was written into the view is lost: for weights that nobody changes.
void release_mapped(const torch::Tensor& tensor);

/// Writes the tensors sorted by name, the data at a multiple of 64 bytes, through a temporary name. Tensors
/// may be on any device and of any layout; the file holds them contiguous. The same tensors give the same
/// bytes.
void write_safetensors(const std::filesystem::path& path, const TensorMap& tensors,
                       const std::map<std::string, std::string>& metadata = {});

}  // namespace medisyn
