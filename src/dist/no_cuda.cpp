#include "medisyn/dist/cuda.h"

namespace medisyn {

bool built_with_cuda() { return false; }

void load_cuda() {}

std::string cuda_versions() { return {}; }

}  // namespace medisyn
