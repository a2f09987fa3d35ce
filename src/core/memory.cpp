#include "medisyn/core/memory.h"

#include <malloc.h>

#include <cstdlib>

namespace medisyn {
namespace {

/// Bytes of what is kept. The largest weights and gradients of SD's U-Net are 118 MB; the VAE's activations,
/// which are larger, would leave gaps that nothing else fills.
constexpr int kLargest = 1 << 27;

}  // namespace

void keep_memory_in_large_pages() {
  setenv("THP_MEM_ALLOC_ENABLE", "1", /*overwrite=*/0);  // read by torch's allocator
  if (std::getenv("GLIBC_TUNABLES") == nullptr) {
    mallopt(M_MMAP_THRESHOLD, kLargest);
    mallopt(M_TRIM_THRESHOLD, -1);  // never give the heap's end back
  }
}

void give_back_free_memory() { malloc_trim(0); }

}  // namespace medisyn
