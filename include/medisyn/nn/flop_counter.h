// What a pass through a network costs in floating point operations: a multiply-add is two.
#pragma once

#include <cstdint>

namespace medisyn {

/// While one lives, the operations of matrix products, linear layers, convolutions and attention that this
/// thread runs are added up, on any device. They follow from the shapes alone:
///   product [M, K] x [K, N]           2 M K N
///   linear layer                      2 x elements of the input x outputs
///   convolution                       2 x B H' W' x elements of the weight
///   transposed convolution            2 x B H W x elements of the weight
///   attention, torch's or medisyn's   4 B Lq Lk D, D of all heads, whatever a mask hides
/// An operator that calls another counts once. Not counted: everything else (norms, activations, biases),
/// backward passes and what they compute again (recompute.h), and what a CUDA graph launches.
///
/// Counters may be nested; each counts all that runs while it lives. Must die on the thread that made it.
class FlopCounter {
 public:
  FlopCounter();
  ~FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;

  std::int64_t flops() const;

 private:
  std::int64_t start_;
};

}  // namespace medisyn
