// How this process takes memory from the system.
#pragma once

#include <cstddef>

namespace medisyn {

/// To be called first of all. A step of Stable Diffusion allocates and frees gigabytes: freed memory that is
/// kept for the next step, instead of pages that the system hands out and clears again, makes a training step
/// on a CPU faster by a fifth (measured: 6.1 s to 4.7 s). GLIBC_TUNABLES in the environment comes first.
void keep_freed_memory();

/// Pages of 2 MiB for torch's tensors, to be called before the first of them: a tenth of a drawing's time.
/// Each tensor then begins at a multiple of 2 MiB, which costs a training step half a gigabyte.
/// THP_MEM_ALLOC_ENABLE in the environment comes first.
void use_large_pages();

/// Pages of 2 MiB behind these bytes, to be called before they are touched: a buffer of gigabytes that is
/// read and written from end to end.
void advise_large_pages(void* begin, std::size_t size);

/// Gives all freed memory back to the system, where the heap has at least so many bytes, used and free:
/// between parts of a job that need it in other shapes, so that the largest of them and not their sum is what
/// the job takes.
void give_back_free_memory(std::size_t heap = 0);

}  // namespace medisyn
