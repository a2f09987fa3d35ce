// Choice of the compute device.
#pragma once

#include <torch/types.h>

#include <string>

namespace medisyn {

/// "auto" (CUDA where a GPU is there, else the CPU), "cpu", "cuda" or "cuda:1". Error when a GPU is asked for
/// and absent: there is no silent fall-back.
///
/// The CUDA half of LibTorch is loaded here, on first need: with it the program would take a second to start,
/// and `medisyn --help` has half of one.
torch::Device pick_device(const std::string& name);

/// "fp32", "bf16" or "fp16".
torch::ScalarType parse_dtype(const std::string& name);

}  // namespace medisyn
