// How an image classifier is trained. The paper says: a ResNet-50 trained on ImageNet, the state with the
// best macro-AUROC on the validation set is scored on the test set. All the rest is not in the paper.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "medisyn/core/config.h"

namespace medisyn {

struct ClassifierConfig {
  std::string model = "resnet50";
  /// The network's ImageNet weights: torchvision's .pth or safetensors of the same names; of
  /// efficientnet_lite0 what scripts/convert_efficientnet.py writes. The last layer is replaced.
  std::filesystem::path weights;
  bool multi_label = false;         ///< any number of classes an image, else exactly one
  std::int64_t image_pixels = 224;  ///< what the networks were trained at
  /// "crop": shorter side to image_pixels, then the centre square: what generated images were made of.
  /// "stretch": both sides to image_pixels. Both as PIL's antialiased bicubic.
  std::string fit = "crop";
  std::vector<std::string> augmentation;  ///< of training images: laterality and colour carry meaning
  std::int64_t batch_size = 32;
  std::string optimizer = "sgd";
  double learning_rate = 0.01;
  double momentum = 0.9;  ///< of sgd
  double weight_decay = 1e-4;
  std::string schedule = "cosine";
  std::int64_t epochs = 10;
  /// Instead of epochs: the same number of steps however many images there are.
  std::optional<std::int64_t> steps;
  std::optional<std::int64_t> validate_every_steps;  ///< none: at each epoch's end
  /// Ends when so many validations in a row brought no better macro-AUROC; none: never.
  std::optional<std::int64_t> patience;
  std::string precision = "fp32";
  std::int64_t workers = 0;  ///< threads that decode ahead; 0: as many as the process has
  double cache_gib = 4;      ///< decoded images kept in memory; what does not fit is decoded in each epoch
  std::int64_t seed = 0;     ///< of the last layer's weights, the order of the images, dropout, augmentation

  template <class Self, class Visit>
  static void fields(Self& self, Visit& visit) {
    visit("model", self.model, one_of({"resnet50", "efficientnet_lite0"}));
    visit("weights", self.weights);
    visit("multi_label", self.multi_label);
    visit("image_pixels", self.image_pixels, in_range(32, 4096));
    visit("fit", self.fit, one_of({"crop", "stretch"}));
    visit("augmentation", self.augmentation, one_of({"horizontal_flip", "vertical_flip", "random_crop"}));
    visit("batch_size", self.batch_size, in_range(2, 65536));
    visit("optimizer", self.optimizer, one_of({"sgd", "adamw"}));
    visit("learning_rate", self.learning_rate, in_range(0, 10));
    visit("momentum", self.momentum, in_range(0, 0.9999));
    visit("weight_decay", self.weight_decay, in_range(0, 10));
    visit("schedule", self.schedule, one_of({"cosine", "constant"}));
    visit("epochs", self.epochs, at_least(1));
    visit("steps", self.steps, at_least(1));
    visit("validate_every_steps", self.validate_every_steps, at_least(1));
    visit("patience", self.patience, at_least(1));
    visit("precision", self.precision, one_of({"fp32", "bf16"}));
    visit("workers", self.workers, in_range(0, 256));
    visit("cache_gib", self.cache_gib, in_range(0, 1e6));
    visit("seed", self.seed, in_range(0, 4294967295.0));
  }
};

}  // namespace medisyn
