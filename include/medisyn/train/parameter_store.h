// All trained parameters in one flat buffer, and the optimizer over it.
//
//   parameters  [P]   the model's own tensors are views of it
//   exp_avg, exp_avg_sq, ema  [P], or this rank's slice of them (ZeRO-1: Rajbhandari et al., 2020,
//                             https://arxiv.org/abs/1910.02054)
//
// Gradients stay where backward puts them: gathering them in a buffer of their own would move each value
// three more times, and a step of AdamW is bound by memory.
#pragma once

#include <torch/types.h>

#include <string>
#include <utility>
#include <vector>

#include "medisyn/dist/communicator.h"
#include "medisyn/io/safetensors.h"
#include "medisyn/train/config.h"

namespace medisyn {

using NamedParameters = std::vector<std::pair<std::string, torch::Tensor>>;

class ParameterStore {
 public:
  /// Moves the parameters (fp32, one device) into the flat buffer, each in the order in which it lies in
  /// memory (row-major or channels-last); the tensors stay the model's own. With
  /// config.shard each rank updates its slice and the slices are gathered after each step; `ranks` must
  /// outlive the store.
  ParameterStore(NamedParameters parameters, const OptimizerConfig& config, Communicator& ranks);

  /// Before the first backward() of a step, which then makes new ones.
  void drop_gradients();

  /// The L2 norm of all gradients.
  double gradient_norm() const;

  /// One step of AdamW (Loshchilov & Hutter, 2019, https://arxiv.org/abs/1711.05101) by at::_fused_adamw_,
  /// with the gradients, whose norm this is, scaled down to max_grad_norm where they are longer
  /// (torch.nn.utils.clip_grad_norm_), then of the EMA, whose decay rises as min(ema_decay, (1 + step) / (10
  /// + step)). A parameter without a gradient stays as it is.
  void apply(double learning_rate, double norm);

  /// A step without an update: its loss was not finite.
  void skip() { ++step_; }

  /// Exchanges parameters and EMA; nothing when there is no EMA.
  void swap_ema();

  std::int64_t step() const { return step_; }
  std::int64_t updates() const { return updates_; }  ///< steps that were not skipped
  std::int64_t size() const { return parameters_.numel(); }
  /// "row-major", or "channels-last" when some parameter lies so: states of one kind are not of the other.
  std::string layout() const;

  /// What a resumed run needs: "parameters", "exp_avg", "exp_avg_sq", "ema", whole on the first rank. All
  /// ranks must ask.
  TensorMap state();

  /// Error when the state is of another model (its size differs).
  void load_state(const Safetensors& state, std::int64_t step, std::int64_t updates);

 private:
  torch::Tensor slice(const torch::Tensor& flat) const { return flat.narrow(0, first_, count_); }
  torch::Tensor gathered(const torch::Tensor& own);  ///< a slice of each rank -> [P]

  OptimizerConfig config_;
  NamedParameters named_;
  Communicator& ranks_;
  bool sharded_;
  /// What this rank updates of a parameter: its elements begin .. end - 1, and where they lie in the slice.
  struct Piece {
    torch::Tensor parameter;
    std::int64_t begin = 0;
    std::int64_t end = 0;
    std::int64_t place = 0;
  };
  std::vector<Piece> pieces_;
  torch::Tensor parameters_;
  torch::Tensor exp_avg_;
  torch::Tensor exp_avg_sq_;
  torch::Tensor ema_;          ///< undefined without EMA
  torch::Tensor step_tensor_;  ///< [] float, as the fused kernel wants it
  std::int64_t first_ = 0;     ///< this rank's slice: everything when not sharded
  std::int64_t count_ = 0;
  std::int64_t step_ = 0;
  std::int64_t updates_ = 0;
};

/// Exchanges parameters and EMA for the length of a scope: validation and saving use the averaged weights.
class WithEma {
 public:
  explicit WithEma(ParameterStore& store) : store_(store) { store_.swap_ema(); }
  ~WithEma() { store_.swap_ema(); }
  WithEma(const WithEma&) = delete;
  WithEma& operator=(const WithEma&) = delete;

 private:
  ParameterStore& store_;
};

}  // namespace medisyn
