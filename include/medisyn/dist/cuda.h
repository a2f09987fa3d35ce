// The CUDA half of the program, in a module that is loaded when a GPU is first asked for: with it the program
// takes a second to start, and `medisyn --help` has half of one. cuda.cpp where CUDA was built in,
// no_cuda.cpp elsewhere.
#pragma once

#include <torch/types.h>

#include <functional>
#include <string>

namespace medisyn {

/// True when this program was built with CUDA and NCCL.
bool built_with_cuda();

/// Loads LibTorch's CUDA kernels and NCCL. Must come before the first question that torch answers about CUDA.
/// Error when the libraries cannot be loaded; nothing to do in a program without CUDA.
void load_cuda();

/// "NCCL 2.30.7, cuDNN 9.26.0", or "" in a program without CUDA.
std::string cuda_versions();

/// "NVIDIA H100 80GB HBM3". Error (c10::Error) when there is no such GPU, or in a program without CUDA.
std::string gpu_name(const torch::Device& device);

/// Records the kernels that `run` launches on this GPU in a CUDA graph; they are not run. The function
/// that comes back launches them all at once, on the same memory. `run` must have run before, ask the device
/// nothing and copy nothing from or to the host. Error (c10::Error) when it cannot be recorded, or in a
/// program without CUDA.
std::function<void()> record_cuda_graph(const torch::Device& device, const std::function<void()>& run);

}  // namespace medisyn
