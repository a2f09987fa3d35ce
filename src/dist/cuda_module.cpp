// libmedisyn_cuda.so: what the program loads when a GPU is asked for (see medisyn/dist/cuda.h).
#include <ATen/cuda/CUDAGraph.h>
#include <c10/cuda/CUDAGuard.h>
#include <cudnn.h>
#include <fmt/format.h>
#include <nccl.h>
#include <torch/types.h>

#include <functional>
#include <memory>
#include <string>

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
