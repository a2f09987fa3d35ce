// State dicts that torch.save wrote (.bin, .pt, .pth, .ckpt): a zip archive with a pickle and one record a
// tensor, or before torch 1.6 a pickle and the tensors behind it.
#pragma once

#include <filesystem>

#include "medisyn/io/safetensors.h"

namespace medisyn {

/// The tensors by name, on the CPU, as views where the file's tensors share a storage. A checkpoint that
/// keeps them under "state_dict" gives those. LibTorch's own unpickler reads the file, which knows tensors,
/// lists, dicts and numbers: no code is ever run. The format before torch 1.6, which is no zip, is read too
/// (pytorch-fid's weights are of that), where nothing else than the state dict holds tensors. Error naming
/// the file when it holds anything else, is cut short, or has a tensor larger than its record.
TensorMap read_torch_file(const std::filesystem::path& path);

}  // namespace medisyn
