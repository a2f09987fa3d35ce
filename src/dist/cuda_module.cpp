// libmedisyn_cuda.so: what the program loads when a GPU is asked for (see medisyn/dist/cuda.h).
#include <cudnn.h>
#include <fmt/format.h>
#include <nccl.h>

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
