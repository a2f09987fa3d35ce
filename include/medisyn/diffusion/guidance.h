// Classifier-free guidance (Ho & Salimans, 2022, https://arxiv.org/abs/2207.12598) and its rescale (Lin et
// al., 2024, https://arxiv.org/abs/2305.08891).
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <numeric>
#include <vector>

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

/// Guidance raises the deviation of a prediction and so overexposes; each item is scaled back to that of its
/// conditional one, by the share `phi` (section 3.4): 0 changes nothing. Both [B, ...] -> [B, ...]
inline torch::Tensor rescale_guidance(const torch::Tensor& guided, const torch::Tensor& conditional,
                                      double phi) {
  if (phi == 0) {
    return guided;
  }
  std::vector<std::int64_t> all_but_batch(static_cast<std::size_t>(guided.dim() - 1));
  std::iota(all_but_batch.begin(), all_but_batch.end(), 1);
  const auto deviation = [&](const torch::Tensor& x) { return x.std(all_but_batch, true, true); };
  const auto rescaled = guided * (deviation(conditional) / deviation(guided));
  return phi * rescaled + (1 - phi) * guided;
}

}  // namespace medisyn
