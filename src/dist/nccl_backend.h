// NCCL for a process group: out of libmedisyn_cuda.so, see medisyn/dist/cuda.h.
#pragma once

#include <chrono>
#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include "medisyn/dist/ranks.h"

namespace medisyn {

/// Error in a program without CUDA.
c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    const Rank& rank, std::chrono::milliseconds timeout);

}  // namespace medisyn
