// Trains an image classifier and scores the best of its states on a test set.
//
//   train images ─ order by seed ─ decode ahead ─ network ─ loss ─ SGD or AdamW ─┐
//   validation images ─ macro-AUROC at each epoch's end ─ best state ────────────┴─ scores of the test images
#pragma once

#include <torch/types.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "medisyn/io/image_source.h"
#include "medisyn/train/classifier_config.h"

namespace medisyn {

class PictureCache;
class SampleOrder;

struct LabelledImage {
  ImageSource image;
  /// [C]: 1 where the class is present, 0 where not. With multi_label NaN where that is not known: no loss
  /// and no score; else exactly one 1.
  std::vector<float> targets;
};

struct ClassifierData {
  std::span<const LabelledImage> train;
  std::span<const LabelledImage> validation;
  std::span<const LabelledImage> test;
  std::vector<std::string> classes;
};

struct Validation {
  std::int64_t step = 0;   ///< steps done
  std::int64_t epoch = 0;  ///< epochs done
  double macro_auroc = 0;
  double loss = 0;
};

struct ClassifierOutcome {
  std::vector<double> scores;  ///< of the test images, [N, C] in rows: sigmoid, or softmax over the classes
  std::vector<Validation> validations;
  std::int64_t best_step = 0;
  std::int64_t best_epoch = 0;
  double best_macro_auroc = 0;  ///< on the validation images
  std::vector<double> losses;   ///< of each step
  std::int64_t steps = 0;
  double images_per_second = 0;  ///< of training steps, waits for data counted and validations not
  double data_wait = 0;          ///< share of that time in which a step waited for its images
  double seconds = 0;            ///< of everything
};

struct ClassifierRun {
  torch::Device device = torch::kCPU;
  PictureCache* pictures =
      nullptr;  ///< shared among runs, of the config's image_pixels and fit; null: own one
  /// Asked after each step, with steps done, steps in all and that step's loss: false ends the training.
  std::function<bool(std::int64_t step, std::int64_t steps, double loss)> after_step = {};
  std::function<void(const Validation&)> after_validation = {};
};

/// Error, before any image is read, when a set is empty, an image's targets do not fit the classes or the
/// task, a class has no training image, or no class can be scored on the validation set. `name` begins the
/// message: "run real-1%-seed0".
void check_classifier_data(const ClassifierConfig& config, const ClassifierData& data,
                           const std::string& name);

/// Steps that a training takes when nothing ends it early.
std::int64_t classifier_steps(const ClassifierConfig& config, std::int64_t training_images);

/// Which images each step sees; a draw's index is that of the training image.
SampleOrder classifier_order(const ClassifierConfig& config, std::int64_t training_images);

/// The same result for the same config and data whatever `workers` is, at the same number of torch's threads.
/// Error as check_classifier_data() and for weights that do not fit, a corrupt image, or a loss that is not
/// finite. None when run.after_step said to end.
std::optional<ClassifierOutcome> train_classifier(const ClassifierConfig& config, const ClassifierData& data,
                                                  const ClassifierRun& run = {});

}  // namespace medisyn
