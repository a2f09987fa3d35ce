// The JSON header of a safetensors file, parsed without building a tree.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>

#include "medisyn/io/safetensors.h"

namespace medisyn {

struct SafetensorsHeader {
  std::map<std::string, SafetensorsEntry> entries;  ///< offsets from the start of the data
  std::map<std::string, std::string> metadata;
};

/// Parses and checks a header whose data section has `data_size` bytes. `file` is named in every Error.
SafetensorsHeader parse_safetensors_header(std::string_view json, std::uint64_t data_size,
                                           const std::string& file);

/// "F32" for torch::kFloat. Error for a type that the format does not know.
std::string safetensors_dtype(torch::ScalarType dtype);

/// A name as one short line, whatever bytes it holds.
std::string printable(std::string_view name);

}  // namespace medisyn
