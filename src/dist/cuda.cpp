#include "medisyn/dist/cuda.h"

#include <dlfcn.h>

#include "medisyn/core/error.h"
#include "nccl_backend.h"

namespace medisyn {
namespace {

void* load_module() {
  void* handle = dlopen(MEDISYN_CUDA_MODULE, RTLD_NOW | RTLD_GLOBAL);
  if (handle == nullptr) {
    fail("the CUDA libraries cannot be loaded: {}; run scripts/setup.sh again", dlerror());
  }
  return handle;
}

void* module() {
  static void* const kModule = load_module();
  return kModule;
}

template <class Signature>
Signature* function(const char* name) {
  auto* found = reinterpret_cast<Signature*>(dlsym(module(), name));
  if (found == nullptr) {
    fail("{}: of another build than this program: build again", MEDISYN_CUDA_MODULE);
  }
  return found;
}

}  // namespace

bool built_with_cuda() { return true; }

void load_cuda() { module(); }

std::string cuda_versions() { return function<const char*()>("medisyn_cuda_versions")(); }

std::string gpu_name(const torch::Device& device) {
  std::string name;
  function<void(const torch::Device&, std::string&)>("medisyn_gpu_name")(device, name);
  return name;
}

std::function<void()> record_cuda_graph(const torch::Device& device, const std::function<void()>& run) {
  using Record = void(const torch::Device&, const std::function<void()>&, std::function<void()>&);
  std::function<void()> replay;
  function<Record>("medisyn_record_cuda_graph")(device, run, replay);
  return replay;
}

c10::intrusive_ptr<c10d::Backend> make_nccl_backend(const c10::intrusive_ptr<c10d::Store>& store,
                                                    const Rank& rank, std::chrono::milliseconds timeout) {
  using Make = void(const c10::intrusive_ptr<c10d::Store>&, const Rank&, std::chrono::milliseconds,
                    c10::intrusive_ptr<c10d::Backend>&);
  c10::intrusive_ptr<c10d::Backend> backend;
  function<Make>("medisyn_make_nccl_backend")(store, rank, timeout, backend);
  return backend;
}

}  // namespace medisyn
