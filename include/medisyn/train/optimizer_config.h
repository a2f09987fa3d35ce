// Section `optimizer` of a training. "not in the paper" marks what the paper leaves open and we chose.
#pragma once

#include <cstdint>
#include <string>

#include "medisyn/core/config.h"

namespace medisyn {

struct OptimizerConfig {
  double learning_rate = 5e-5;  ///< the paper's for SD
  std::string schedule = "constant";
  std::int64_t warmup_steps = 0;
  double final_fraction = 0;  ///< cosine and linear end at this share of learning_rate
  double beta1 = 0.9;         ///< AdamW's own defaults; not in the paper
  double beta2 = 0.999;
  double eps = 1e-8;
  double weight_decay = 0.01;
  double max_grad_norm = 1.0;  ///< not in the paper
  double ema_decay = 0;        ///< 0: no EMA; not in the paper
  bool shard = false;  ///< each rank keeps its part of the moments and the EMA (ZeRO-1); changes no result

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("learning_rate", self.learning_rate, in_range(0, 10));
    visit("schedule", self.schedule, one_of({"constant", "cosine", "linear"}));
    visit("warmup_steps", self.warmup_steps, at_least(0));
    visit("final_fraction", self.final_fraction, in_range(0, 1));
    visit("beta1", self.beta1, in_range(0, 0.99999));
    visit("beta2", self.beta2, in_range(0, 0.999999));
    visit("eps", self.eps, in_range(1e-20, 1));
    visit("weight_decay", self.weight_decay, in_range(0, 10));
    visit("max_grad_norm", self.max_grad_norm, in_range(1e-6, 1e6));
    visit("ema_decay", self.ema_decay, in_range(0, 0.999999));
    visit("shard", self.shard);
  }
};

}  // namespace medisyn
