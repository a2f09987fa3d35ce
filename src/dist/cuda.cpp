#include "medisyn/dist/cuda.h"

#include <dlfcn.h>

#include "medisyn/core/error.h"

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

}  // namespace

bool built_with_cuda() { return true; }

void load_cuda() { module(); }

std::string cuda_versions() {
  using Function = const char* (*)();
  const auto function = reinterpret_cast<Function>(dlsym(module(), "medisyn_cuda_versions"));
  if (function == nullptr) {
    fail("{}: of another build than this program: build again", MEDISYN_CUDA_MODULE);
  }
  return function();
}

}  // namespace medisyn
