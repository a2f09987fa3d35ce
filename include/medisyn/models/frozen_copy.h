// A trained run's frozen parts as they are used: in the device's and the precision's form, beside the
// originals that are saved again.
#pragma once

#include "medisyn/models/hf_folder.h"
#include "medisyn/nn/layers.h"

namespace medisyn {

/// Another module over the same parameters: what becomes of its dtype, device or layout later is not seen by
/// the source.
template <class Model>
Model shallow_copy(const Model& source) {
  Model copy = [&] {
    const UninitialisedParameters guard;
    return Model(source->config());
  }();
  set_parameters(*copy, state_dict(*source), "a copy");
  copy->eval();
  return copy;
}

/// Lets go of the memory of weights that are views of a file and that nobody changes (release_mapped()): what
/// is used is a frozen copy, and what is saved again is read again.
inline void release_weights(const torch::nn::Module& source) {
  for (const torch::Tensor& parameter : source.parameters()) {
    release_mapped(parameter);
  }
}

/// `copy` in `dtype` on `device`, for forward alone (prepare_for_inference()).
template <class Model>
Model frozen(Model copy, torch::Device device, torch::ScalarType dtype) {
  copy->to(device, dtype);
  for (torch::Tensor& parameter : copy->parameters()) {
    parameter.requires_grad_(false);
  }
  prepare_for_inference(*copy);
  return copy;
}

/// A model with the parameters of `source`, frozen. The source stays as it is.
template <class Model>
Model frozen_copy(const Model& source, torch::Device device, torch::ScalarType dtype) {
  return frozen(shallow_copy(source), device, dtype);
}

}  // namespace medisyn
