#include "medisyn/dist/cuda.h"

#include "medisyn/core/error.h"

namespace medisyn {

bool built_with_cuda() { return false; }

void load_cuda() {}

std::string cuda_versions() { return {}; }

std::function<void()> record_cuda_graph(const torch::Device&, const std::function<void()>&) {
  fail("a CUDA graph was asked of a program that was built without CUDA");
}

}  // namespace medisyn
