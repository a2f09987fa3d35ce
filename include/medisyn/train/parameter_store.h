// All trained parameters in one flat buffer, and the optimizer over it.
//
//   parameters  [P]   the model's own tensors are views of it
//   gradients   [P]   backward adds into views of it
//   exp_avg, exp_avg_sq, ema  [P]
//
// One tensor instead of hundreds: clipping, AdamW, EMA and zeroing are one call each.
#pragma once

#include <torch/types.h>

#include <string>
#include <utility>
#include <vector>

#include "medisyn/io/safetensors.h"
#include "medisyn/train/config.h"

namespace medisyn {

using NamedParameters = std::vector<std::pair<std::string, torch::Tensor>>;

class ParameterStore {
 public:
  /// Moves the parameters (fp32, one device) into the flat buffer; the tensors stay the model's own.
  ParameterStore(NamedParameters parameters, const OptimizerConfig& config);

  void zero_gradients() { gradients_.zero_(); }

  /// Scales the gradients down to max_grad_norm where they are longer (torch.nn.utils.clip_grad_norm_) and
  /// gives their L2 norm before that, [] on the device: reading it is the caller's choice.
  torch::Tensor clip_gradients();

  /// One step of AdamW (Loshchilov & Hutter, 2019, https://arxiv.org/abs/1711.05101) by at::_fused_adamw_,
  /// then of the EMA, whose decay rises as min(ema_decay, (1 + step) / (10 + step)).
  void apply(double learning_rate);

  /// Exchanges parameters and EMA; nothing when there is no EMA.
  void swap_ema();

  std::int64_t step() const { return step_; }
  std::int64_t size() const { return parameters_.numel(); }

  /// What a resumed run needs: copies under "parameters", "exp_avg", "exp_avg_sq", "ema".
  TensorMap state() const;

  /// Error when the state is of another model (its size differs).
  void load_state(const Safetensors& state, std::int64_t step);

 private:
  OptimizerConfig config_;
  NamedParameters named_;
  torch::Tensor parameters_;
  torch::Tensor gradients_;
  torch::Tensor exp_avg_;
  torch::Tensor exp_avg_sq_;
  torch::Tensor ema_;          ///< undefined without EMA
  torch::Tensor step_tensor_;  ///< [] float, as the fused kernel wants it
  std::int64_t step_ = 0;
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
