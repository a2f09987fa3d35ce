// A level of the reference's names that has no parameters of its own ("attention" in "attention.self.query").
#pragma once

#include <torch/nn.h>

#include <memory>
#include <string>

namespace medisyn {

/// Registers an empty module under `name`; what belongs to the level is registered in it.
inline torch::nn::Module& add_level(torch::nn::Module& parent, const std::string& name) {
  return *parent.register_module(name, std::make_shared<torch::nn::Module>());
}

}  // namespace medisyn
