#include "classifier_optimizer.h"

#include <utility>

namespace medisyn {
namespace {

constexpr double kBeta1 = 0.9;
constexpr double kBeta2 = 0.999;
constexpr double kEps = 1e-8;

/// A dense tensor's elements as they lie in memory: [numel], a view.
torch::Tensor in_memory_order(const torch::Tensor& tensor) {
  TORCH_CHECK(tensor.is_non_overlapping_and_dense(), "expected a tensor without gaps");
  return tensor.detach().as_strided({tensor.numel()}, {1});
}

}  // namespace

ClassifierOptimizer::ClassifierOptimizer(std::vector<torch::Tensor> parameters,
                                         const ClassifierConfig& config)
    : parameters_(std::move(parameters)),
      is_sgd_(config.optimizer == "sgd"),
      momentum_(config.momentum),
      weight_decay_(config.weight_decay) {
  for (const torch::Tensor& parameter : parameters_) {
    values_.push_back(in_memory_order(parameter));
    exp_avgs_.push_back(torch::zeros_like(values_.back()));
    if (!is_sgd_) {
      exp_avg_sqs_.push_back(torch::zeros_like(values_.back()));
      steps_.push_back(torch::zeros({}, values_.back().options()));
    }
  }
}

void ClassifierOptimizer::step(double learning_rate) {
  const torch::NoGradGuard no_grad;
  std::vector<torch::Tensor> gradients;
  for (const torch::Tensor& parameter : parameters_) {
    TORCH_CHECK(parameter.grad().strides() == parameter.strides(),
                "a gradient lies otherwise than its parameter");
    gradients.push_back(in_memory_order(parameter.grad()));
  }
  if (is_sgd_) {
    const std::vector<torch::Tensor> momenta = momentum_ > 0 ? exp_avgs_ : std::vector<torch::Tensor>();
    at::_fused_sgd_(values_, gradients, momenta, weight_decay_, momentum_, learning_rate, /*dampening=*/0,
                    /*nesterov=*/false, /*maximize=*/false, is_first_);
  } else {
    for (torch::Tensor& count : steps_) {
      count.add_(1);
    }
    at::_fused_adamw_(values_, gradients, exp_avgs_, exp_avg_sqs_, {}, steps_, learning_rate, kBeta1, kBeta2,
                      weight_decay_, kEps, /*amsgrad=*/false, /*maximize=*/false);
  }
  is_first_ = false;
  for (torch::Tensor& parameter : parameters_) {
    parameter.mutable_grad() = torch::Tensor();
  }
}

}  // namespace medisyn
