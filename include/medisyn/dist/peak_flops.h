// How fast a GPU could multiply at best: what a training's speed is measured against.
#pragma once

#include <torch/types.h>

#include <optional>
#include <string>

namespace medisyn {

/// Floating point operations per second at the dense peak of a GPU that torch calls `gpu_name` ("NVIDIA H100
/// 80GB HBM3"), for products of `dtype`: bf16 and fp16 on tensor cores with sums in fp32 and without
/// sparsity, fp32 on CUDA cores, without TF32. Nothing for a GPU that is not in the table (a MIG slice, say)
/// and for a dtype that it has no units for. Source: NVIDIA's datasheets and architecture whitepapers of
/// V100, Turing, A100, GA102, H100, Ada, Blackwell.
std::optional<double> peak_flops_of_gpu(const std::string& gpu_name, torch::ScalarType dtype);

/// The same for a device of this machine. Nothing for a CPU.
std::optional<double> peak_flops(const torch::Device& device, torch::ScalarType dtype);

}  // namespace medisyn
