#include "medisyn/core/memory.h"

#include <malloc.h>

#include <cstdlib>
#include <limits>

namespace medisyn {

void keep_memory_in_large_pages() {
  setenv("THP_MEM_ALLOC_ENABLE", "1", /*overwrite=*/0);  // read by torch's allocator
  if (std::getenv("GLIBC_TUNABLES") == nullptr) {
    mallopt(M_MMAP_THRESHOLD, std::numeric_limits<int>::max());
    mallopt(M_TRIM_THRESHOLD, -1);  // never give the heap's end back
  }
}

}  // namespace medisyn
