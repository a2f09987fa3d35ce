#include "classifier_loss.h"

namespace medisyn {

torch::Tensor classifier_loss(const torch::Tensor& logits, const torch::Tensor& targets, bool multi_label) {
  if (!multi_label) {
    return torch::cross_entropy_loss(logits, targets.argmax(1));
  }
  const torch::Tensor known = targets.isnan().logical_not().to(logits.scalar_type());
  const torch::Tensor sum = torch::binary_cross_entropy_with_logits(logits, targets.nan_to_num(0), known,
                                                                    /*pos_weight=*/{}, at::Reduction::Sum);
  return sum / known.sum().clamp_min(1);
}

}  // namespace medisyn
