// libmedisyn_cuda.so: what the program loads when a GPU is asked for (see medisyn/dist/cuda.h).
#include <ATen/cuda/CUDAContextLight.h>
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <cudnn.h>
#include <fmt/format.h>
#include <nccl.h>
#include <torch/csrc/cuda/nccl.h>
#include <torch/types.h>

#include <functional>
#include <memory>
#include <string>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

#include "medisyn/dist/ranks.h"

extern "C" const char* medisyn_cuda_versions() {
  static const std::string kVersions = [] {
    int nccl = 0;
    ncclGetVersion(&nccl);
    const std::size_t cudnn = cudnnGetVersion();
    return fmt::format("NCCL {}.{}.{}, cuDNN {}.{}.{}", nccl / 10000, nccl / 100 % 100, nccl % 100,
                       cudnn / 10000, cudnn / 100 % 100, cudnn % 100);
  }();
  return kVersions.c_str();
}

extern "C" void medisyn_gpu_name(const torch::Device& device, std::string& name) {
  name = at::cuda::getDeviceProperties(device.index())->name;
}

/// Recorded on a stream of its own, as a capture must be, and ended whatever happens.
extern "C" void medisyn_record_cuda_graph(const torch::Device& device, const std::function<void()>& run,
                                          std::function<void()>& replay) {
  const auto graph = std::make_shared<at::cuda::CUDAGraph>();
  c10::cuda::getCurrentCUDAStream(device.index()).synchronize();
  {
    const c10::cuda::CUDAStreamGuard guard(c10::cuda::getStreamFromPool(false, device.index()));
    graph->capture_begin();
    try {
      run();
    } catch (...) {
      graph->reset();
      throw;
    }
    graph->capture_end();
  }
  replay = [graph, device] {
    const c10::cuda::CUDAGuard guard(device);
    graph->replay();
  };
}

/// With the headers of another NCCL than torch's, ProcessGroupNCCL::Options would have another size than
/// torch takes it to have.
static void require_nccl_of_torch() {
  constexpr std::uint64_t kHeaders =
      (std::uint64_t{NCCL_MAJOR} << 32) | (std::uint64_t{NCCL_MINOR} << 16) | std::uint64_t{NCCL_PATCH};
  TORCH_CHECK(torch::cuda::nccl::version() == kHeaders, "built with the headers of NCCL ", NCCL_MAJOR, ".",
              NCCL_MINOR, ".", NCCL_PATCH, ", which is not the one that torch was built with: build again");
}

extern "C" void medisyn_make_nccl_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                          const medisyn::Rank& rank, std::chrono::milliseconds timeout,
                                          c10::intrusive_ptr<c10d::Backend>& backend) {
  require_nccl_of_torch();
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, static_cast<int>(rank.rank),
                                                        static_cast<int>(rank.world), options);
}
