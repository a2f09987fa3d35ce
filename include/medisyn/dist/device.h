// Choice of the compute device.
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <string>

namespace medisyn {

/// "auto" (CUDA where a GPU is there, else the CPU), "cpu", "cuda" or "cuda:1". Without a number, processes
/// of one machine take the GPU of their local rank. Error when a GPU is asked for and absent: there is no
/// silent fall-back.
///
/// The CUDA half of LibTorch is loaded here, on first need: with it the program would take a second to start,
/// and `medisyn --help` has half of one.
torch::Device pick_device(const std::string& name, std::int64_t local_rank = 0);

/// GPUs of this machine, 0 in a program without CUDA. Loads the CUDA half.
std::int64_t gpu_count();

/// "fp32", "bf16" or "fp16".
torch::ScalarType parse_dtype(const std::string& name);

}  // namespace medisyn
