// Gradient checkpointing: what a block computes is thrown away and computed again when its gradient is
// needed. Chen et al., 2016, https://arxiv.org/abs/1604.06174; torch.utils.checkpoint does the same.
#pragma once

#include <torch/types.h>

#include <functional>

namespace medisyn {

/// While one is alive on a thread, the blocks of U-Nets that are run there keep their inputs alone.
class RecomputeBlocks {
 public:
  RecomputeBlocks();
  ~RecomputeBlocks();
  RecomputeBlocks(const RecomputeBlocks&) = delete;
  RecomputeBlocks& operator=(const RecomputeBlocks&) = delete;
  static bool active();
};

/// A block of two inputs: one tensor out of two.
using Block = std::function<torch::Tensor(const torch::Tensor&, const torch::Tensor&)>;

/// block(a, b). While RecomputeBlocks is active it runs once more in the backward pass, with the random
/// numbers and the autocast of the first time, so that the gradients are those of a block that kept
/// everything. What the block captures must live until then; parameters get their gradients, other
/// tensors that it captures none.
torch::Tensor recomputed(const Block& block, const torch::Tensor& a, const torch::Tensor& b);

}  // namespace medisyn
