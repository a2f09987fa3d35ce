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

/// A model with the parameters of `source` in `dtype` on `device`, for forward alone
/// (prepare_for_inference()). The source stays as it is.
template <class Model>
Model frozen_copy(const Model& source, torch::Device device, torch::ScalarType dtype) {
  Model copy = shallow_copy(source);
  copy->to(device, dtype);
  for (torch::Tensor& parameter : copy->parameters()) {
    parameter.requires_grad_(false);
  }
  prepare_for_inference(*copy);
  return copy;
}

}  // namespace medisyn
