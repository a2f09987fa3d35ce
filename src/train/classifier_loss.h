// What a classifier is trained on.
#pragma once

#include <torch/types.h>

namespace medisyn {

/// Mean over the labels that are known, []: binary cross-entropy of each class, or cross-entropy over the
/// classes. Logits and targets [B, C]; a target that is NaN is not known and gives no gradient. 0 where none
/// is known.
torch::Tensor classifier_loss(const torch::Tensor& logits, const torch::Tensor& targets, bool multi_label);

}  // namespace medisyn
