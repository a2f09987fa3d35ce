// Labelled images as batches of tensors.
#pragma once

#include <torch/types.h>

#include <memory>
#include <span>
#include <vector>

#include "classifier_network.h"
#include "medisyn/train/classifier.h"
#include "medisyn/train/objective.h"
#include "medisyn/train/picture_cache.h"
#include "medisyn/train/sample_order.h"

namespace medisyn {

/// A set's images and labels. The set and the pictures must outlive it.
class ClassifierImages {
 public:
  ClassifierImages(std::span<const LabelledImage> set, PictureCache& pictures, const PixelLevels& levels,
                   std::vector<std::string> augmentation);

  /// "images" [B, 3, H, W] fp32, channels-last, and "targets" [B, C], on the CPU. Any thread. What is drawn
  /// for the augmentation depends on the draw alone.
  Batch load(const std::vector<SampleDraw>& draws) const;

  std::int64_t size() const { return std::ssize(set_); }

 private:
  std::shared_ptr<const Image> augmented(std::shared_ptr<const Image> image, const SampleDraw& draw) const;

  std::span<const LabelledImage> set_;
  PictureCache& pictures_;
  const PixelLevels& levels_;
  std::vector<std::string> augmentation_;
};

}  // namespace medisyn
