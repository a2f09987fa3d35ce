// New models with random weights.
#pragma once

#include <torch/types.h>

#include <cstdint>

namespace medisyn {

/// A model with random weights as the reference libraries draw them (torch's defaults for convolutions and
/// linear layers, CLIP's own normal distributions for the text encoder). The same config and seed give the
/// same weights. Sets torch's global seed: every model's constructor draws from that generator.
template <class Model>
Model random_component(const typename Model::ContainedType::Config& config, std::uint64_t seed) {
  torch::manual_seed(seed);
  return Model(config);
}

}  // namespace medisyn
