// The CUDA half of the program, in a module that is loaded when a GPU is first asked for: with it the program
// takes a second to start, and `medisyn --help` has half of one. cuda.cpp where CUDA was built in,
// no_cuda.cpp elsewhere.
#pragma once

#include <string>

namespace medisyn {

/// True when this program was built with CUDA and NCCL.
bool built_with_cuda();

/// Loads LibTorch's CUDA kernels and NCCL. Must come before the first question that torch answers about CUDA.
/// Error when the libraries cannot be loaded; nothing to do in a program without CUDA.
void load_cuda();

/// "NCCL 2.30.7, cuDNN 9.26.0", or "" in a program without CUDA.
std::string cuda_versions();

}  // namespace medisyn
