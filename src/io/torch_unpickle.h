// LibTorch's unpickler on the pickle of a state dict.
#pragma once

#include <torch/types.h>

#include <filesystem>
#include <functional>
#include <string>

#include "medisyn/io/safetensors.h"

namespace medisyn {

/// The memory of the storage that a pickle calls `key`. The unpickler believes what the pickle claims of its
/// size.
using StorageReader = std::function<at::DataPtr(const std::string& key)>;

/// The pickle's value. It knows tensors, lists, dicts and numbers; Error for a class, which is never made.
c10::IValue unpickle(const std::string& pickle, const std::filesystem::path& path,
                     const StorageReader& storage);

/// The dict of tensors: the value itself, or what it keeps under "state_dict". One level deep alone: a pickle
/// can hold a dict that holds itself. Error for anything else than name -> tensor.
TensorMap state_dict_of(const c10::IValue& value, const std::filesystem::path& path);

/// The tensors of a file that torch before 1.6 wrote, or later ones on request. Error naming the file when it
/// is none.
TensorMap read_legacy_torch_file(const std::filesystem::path& path);

}  // namespace medisyn
