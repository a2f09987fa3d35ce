// Embeddings of the diffusion timestep.
#pragma once

#include "medisyn/nn/layers.h"

namespace medisyn {

/// Sinusoids of a timestep t: with f_i = 10000^(-i / (D/2 - freq_shift)), i = 0 .. D/2 - 1,
/// [sin(t f), cos(t f)], or [cos(t f), sin(t f)] when flip_sin_to_cos; an odd D ends in a zero. Always fp32.
/// [B] -> [B, D]. Source: Ho et al., 2020, https://arxiv.org/abs/2006.11239; diffusers, models/embeddings.py.
torch::Tensor sinusoidal_embedding(const torch::Tensor& timesteps, std::int64_t width, bool flip_sin_to_cos,
                                   double freq_shift);

/// x ─ linear_1 ─ SiLU ─ linear_2. [B, in] -> [B, D]
class TimestepEmbeddingImpl : public torch::nn::Module {
 public:
  TimestepEmbeddingImpl(std::int64_t in, std::int64_t width);
  torch::Tensor forward(const torch::Tensor& sinusoids);

 private:
  Linear linear_1_;
  Linear linear_2_;
};
TORCH_MODULE(TimestepEmbedding);

}  // namespace medisyn
