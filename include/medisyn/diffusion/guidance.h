// Classifier-free guidance (Ho & Salimans, 2022, https://arxiv.org/abs/2207.12598).
#pragma once

#include <torch/types.h>

namespace medisyn {

/// False at scale 1 (or below), where guidance changes nothing and the unconditional pass is saved, as
/// diffusers does.
inline bool needs_guidance(double scale) { return scale > 1; }

/// e_uncond + scale * (e_cond - e_uncond). Diffusers' scale: 1 is none (w = scale - 1 in equation 6).
/// Both [B, ...] -> [B, ...]
inline torch::Tensor guide(const torch::Tensor& unconditional, const torch::Tensor& conditional,
                           double scale) {
  return unconditional + scale * (conditional - unconditional);
}

}  // namespace medisyn
