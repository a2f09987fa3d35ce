// The gradients of all ranks become one while the backward pass still runs.
#pragma once

#include <torch/types.h>

#include <memory>
#include <vector>

#include "medisyn/dist/communicator.h"

namespace medisyn {

/// c10d::Reducer, the engine inside PyTorch's DistributedDataParallel. Gradients are copied into buckets (the
/// first of 1 MiB, then 25 MiB, the last parameter first), a full bucket is summed over the ranks at once,
/// and at the end of the backward pass each parameter's grad() holds the AVERAGE over the ranks:
///
///     micro-batch 1 .. n-1   loss.backward()     grad() += own gradient
///     expect_backward()
///     micro-batch n          loss.backward()     grad() += own gradient -> bucket, sum / world -> grad()
///     require_reduced()
///
/// For the mean over all rows of a batch whose shares differ in size, a rank's loss is therefore the sum over
/// its own rows x world / rows of all ranks; a rank without a row calls share_nothing().
///
/// grad() is written in place: views into a flat buffer stay views. Buckets never change, so that a resumed
/// run adds in the order of an unbroken one. Every parameter must get exactly one gradient in each reduced
/// pass; blocks that are recomputed (medisyn/nn/recompute.h) may hold it, one block a parameter.
///
/// In a world of one it does nothing.
class GradientReducer {
 public:
  /// The same parameters on each rank, all of them with requires_grad. The communicator must outlive this.
  GradientReducer(Communicator& communicator, std::vector<torch::Tensor> parameters);
  ~GradientReducer();
  GradientReducer(const GradientReducer&) = delete;
  GradientReducer& operator=(const GradientReducer&) = delete;

  /// Before the forward pass whose backward() is to reduce; not before those whose gradients only accumulate.
  void expect_backward();

  /// Instead of forward and backward pass, on a rank that has no row: takes part with what grad() holds
  /// already, zero or the gradients of its earlier micro-batches.
  void share_nothing();

  /// After backward(): c10::Error when parameters got no gradient, so that the ranks' gradients are not one.
  void require_reduced() const;

 private:
  class Reducer;
  std::unique_ptr<Reducer> reducer_;
  std::vector<torch::Tensor> parameters_;
};

}  // namespace medisyn
