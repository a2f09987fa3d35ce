// A model's weights on disk, whatever the format.
#pragma once

#include <filesystem>
#include <optional>
#include <vector>

#include "medisyn/io/safetensors.h"

namespace medisyn {

/// The tensors of a .safetensors file, of the shards that a .safetensors.index.json lists, or of a PyTorch
/// file
/// (.bin, .pt, .pth, .ckpt). Those of safetensors are views of the mapped file, read when they are touched.
/// Error naming the file for another extension, a missing shard, or an index that does not fit its shards.
TensorMap read_weights(const std::filesystem::path& file);

/// The files that hold them: the file itself, or the shards of an index, sorted.
std::vector<std::filesystem::path> weights_files(const std::filesystem::path& file);

/// The file of weights in a component's folder: `name` ("model.safetensors"), its index, its fp16 variant, or
/// the PyTorch file of the same component.
std::optional<std::filesystem::path> locate_weights(const std::filesystem::path& folder,
                                                    const std::string& name);

/// The same; error when there is none.
std::filesystem::path find_weights(const std::filesystem::path& folder, const std::string& name);

}  // namespace medisyn
