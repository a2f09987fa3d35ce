#include "medisyn/core/memory.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cstdint>
#include <cstdlib>

namespace medisyn {
namespace {

/// Bytes of what is kept. The largest weights and gradients of SD's U-Net are 118 MB; the VAE's activations,
/// which are larger, would leave gaps that nothing else fills.
constexpr int kLargest = 1 << 27;
constexpr std::uintptr_t kLargePage = 1 << 21;

}  // namespace

void keep_freed_memory() {
  if (std::getenv("GLIBC_TUNABLES") == nullptr) {
    mallopt(M_MMAP_THRESHOLD, kLargest);
    mallopt(M_TRIM_THRESHOLD, -1);  // never give the heap's end back
  }
}

void use_large_pages() { setenv("THP_MEM_ALLOC_ENABLE", "1", /*overwrite=*/0); }  // read by torch's allocator

void advise_large_pages(void* begin, std::size_t size) {
  const auto start = reinterpret_cast<std::uintptr_t>(begin);
  const std::uintptr_t first = (start + kLargePage - 1) / kLargePage * kLargePage,
                       last = (start + size) / kLargePage * kLargePage;
  if (first < last) {
    madvise(reinterpret_cast<void*>(first), last - first, MADV_HUGEPAGE);
  }
}

void give_back_free_memory(std::size_t heap) {
  const struct mallinfo2 bytes = mallinfo2();
  if (bytes.arena + bytes.hblkhd >= heap) {
    malloc_trim(0);
  }
}

}  // namespace medisyn
