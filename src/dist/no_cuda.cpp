#include "medisyn/dist/cuda.h"

#include "medisyn/core/error.h"
#include "nccl_backend.h"

namespace medisyn {

bool built_with_cuda() { return false; }

void load_cuda() {}

std::string cuda_versions() { return {}; }

std::string gpu_name(const torch::Device&) {
  fail("the name of a GPU was asked of a program that was built without CUDA");
}

std::function<void()> record_cuda_graph(const torch::Device&, const std::function<void()>&) {
  fail("a CUDA graph was asked of a program that was built without CUDA");
}

c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const c10::intrusive_ptr<c10d::Store>&, const Rank&,
                                                    std::chrono::milliseconds) {
  fail("NCCL was asked of a program that was built without CUDA");
}

}  // namespace medisyn
