// The U-Net of one batch after the other: what does not change from step to step is made once, and on a GPU a
// step is recorded and then launched as one.
#pragma once

#include <torch/types.h>

#include <functional>
#include <optional>

#include "medisyn/models/unet_2d_condition.h"

namespace medisyn {

/// What the U-Net sees beside x and t.
struct Conditions {
  torch::Tensor tokens;   ///< [B, L, D]
  AddedConditions added;  ///< of SDXL
};

/// Records the work that `run` gives to a device. What comes back does the same work again, on the same
/// memory; `run` itself may or may not have done it. record_cuda_graph() is one.
using Recorder = std::function<std::function<void()>(const std::function<void()>& run)>;

class UNetRunner {
 public:
  /// Shares the model. Without a recorder every step runs as it is written.
  UNetRunner(UNet2DConditionModel unet, Recorder recorder);

  /// The next batch. Keys and values of its text are made at its first step and used at all.
  void start(const Conditions& conditions);

  /// One step of the batch: sample [B, C, h, w] of the U-Net's dtype, timestep t -> prediction [B, C, h, w].
  /// With a recorder the first step of the first batch runs as it is written, the second is recorded, and
  /// later ones are replayed, those of later batches of the same shape but for each batch's first, which
  /// makes the keys and values of its text.
  torch::Tensor step(const torch::Tensor& sample, double t);

 private:
  torch::Tensor run(const torch::Tensor& sample, const torch::Tensor& timesteps);
  torch::Tensor replay(const torch::Tensor& sample, double t);
  /// Another shape: nothing of what is kept fits.
  void forget();

  UNet2DConditionModel unet_;
  Recorder recorder_;
  std::optional<Context> text_;
  AddedConditions added_;
  bool is_first_ = true;  ///< step of a batch
  // Where a recording reads and writes:
  torch::Tensor sample_;
  torch::Tensor timesteps_;
  torch::Tensor prediction_;
  std::function<void()> again_;
};

}  // namespace medisyn
