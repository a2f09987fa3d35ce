// Which linear layers get low-rank adapters, and how large.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"

namespace medisyn {

struct LoraConfig {
  std::int64_t rank = 4;  ///< r of the paper; 0: no adapters
  /// The update is scaled by alpha / rank. None: alpha is the rank, as in diffusers' training scripts.
  std::optional<double> alpha = {};
  /// Ends of the names of the layers, whole words: those of a U-Net's attentions. A CLIP text encoder has
  /// q_proj, k_proj, v_proj and out_proj.
  std::vector<std::string> targets = {"to_q", "to_k", "to_v", "to_out.0"};

  double used_alpha() const { return alpha.value_or(static_cast<double>(rank)); }
  double scale() const { return used_alpha() / static_cast<double>(rank); }

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("rank", self.rank, in_range(0, 4096));
    visit("alpha", self.alpha, in_range(1e-6, 1e6));
    visit("targets", self.targets);
  }
};

}  // namespace medisyn
