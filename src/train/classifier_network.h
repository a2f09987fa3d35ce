// The networks that a classifier may be.
#pragma once

#include <torch/nn.h>

#include <array>
#include <functional>
#include <memory>

#include "medisyn/train/classifier_config.h"

namespace medisyn {

/// What a network gets for each of 256 levels of red, green and blue.
using PixelLevels = std::array<std::array<float, 256>, 3>;

struct ClassifierNetwork {
  std::shared_ptr<torch::nn::Module> module;
  std::function<torch::Tensor(const torch::Tensor&)> logits;  ///< [B, 3, H, W] -> [B, C]
  /// As it is now, for inference: batch norms are part of the convolutions (models/folded_conv.h).
  std::function<ClassifierNetwork()> frozen;
  PixelLevels levels;
};

/// With the weights of config.weights and a new last layer drawn by config.seed, in training, channels-last.
/// Error when the file is missing or of another network.
ClassifierNetwork load_classifier_network(const ClassifierConfig& config, std::int64_t classes,
                                          torch::Device device);

}  // namespace medisyn
