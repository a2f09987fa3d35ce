// SGD with momentum, or AdamW, over all parameters of a network.
#pragma once

#include <torch/types.h>

#include <vector>

#include "medisyn/train/classifier_config.h"

namespace medisyn {

class ClassifierOptimizer {
 public:
  ClassifierOptimizer(std::vector<torch::Tensor> parameters, const ClassifierConfig& config);

  /// One step with the parameters' gradients, which are dropped then: the next backward() makes new ones.
  /// torch.optim.SGD (weight decay as an L2 term) by at::_fused_sgd_, torch.optim.AdamW by at::_fused_adamw_.
  void step(double learning_rate);

 private:
  std::vector<torch::Tensor> parameters_;
  std::vector<torch::Tensor> values_;    ///< the parameters as they lie in memory, [numel] each
  std::vector<torch::Tensor> exp_avgs_;  ///< of SGD the momentum
  std::vector<torch::Tensor> exp_avg_sqs_;
  std::vector<torch::Tensor> steps_;
  bool is_sgd_;
  bool is_first_ = true;
  double momentum_;
  double weight_decay_;
};

}  // namespace medisyn
