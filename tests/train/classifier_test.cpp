#include "medisyn/train/classifier.h"

#include <torch/torch.h>

#include <cmath>
#include <limits>

#include "../../src/train/classifier_loss.h"
#include "../expect_error.h"
#include "../fresh_folder.h"
#include "medisyn/core/files.h"
#include "medisyn/io/image.h"
#include "medisyn/models/efficientnet_lite0.h"
#include "medisyn/models/hf_folder.h"
#include "medisyn/models/resnet_50.h"
#include "medisyn/stats/auroc.h"
#include "medisyn/train/picture_cache.h"

namespace medisyn {
namespace {

constexpr float kUnknown = std::numeric_limits<float>::quiet_NaN();

std::vector<float> targets_of(const std::vector<LabelledImage>& set) {
  std::vector<float> targets;
  for (const LabelledImage& one : set) {
    targets.insert(targets.end(), one.targets.begin(), one.targets.end());
  }
  return targets;
}

TEST(ClassifierLoss, UnknownLabelsGiveNoGradient) {
  const torch::Tensor logits = torch::tensor({{0.5F, -1.0F}, {2.0F, 0.3F}}).requires_grad_();
  const torch::Tensor targets = torch::tensor({{1.0F, kUnknown}, {0.0F, 1.0F}});
  const torch::Tensor loss = classifier_loss(logits, targets, true);
  const auto softplus = [](double x) { return std::log1p(std::exp(x)); };
  EXPECT_NEAR(loss.item<double>(), (softplus(-0.5) + softplus(2) + softplus(-0.3F)) / 3, 1e-6);
  const torch::Tensor gradient = torch::autograd::grad({loss}, {logits})[0];
  EXPECT_EQ(gradient[0][1].item<float>(), 0);
  EXPECT_NEAR(gradient[1][0].item<double>(), 1 / (1 + std::exp(-2.0)) / 3, 1e-6);
  EXPECT_EQ(classifier_loss(logits, torch::full({2, 2}, kUnknown), true).item<float>(), 0);
}

TEST(ClassifierLoss, OfOneClassAnImageIsCrossEntropy) {
  const torch::Tensor logits = torch::tensor({{0.5F, -1.0F, 2.0F}});
  const torch::Tensor loss = classifier_loss(logits, torch::tensor({{0.0F, 0.0F, 1.0F}}), false);
  EXPECT_NEAR(loss.item<double>(), std::log1p(std::exp(-1.5) + std::exp(-3.0)), 1e-6);
}

/// Reddish and bluish pictures with noise, and random weights of both networks.
class Classifier : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    folder_ = fresh_folder();
    torch::manual_seed(5);
    save_parameters(folder_ / "resnet50.safetensors", *ResNet50(7));
    save_parameters(folder_ / "efficientnet_lite0.safetensors", *EfficientNetLite0(7));
    for (int i = 0; i < 40; ++i) {
      const bool is_red = i % 2 == 0;
      Image image{32, 40, {}};
      for (int p = 0; p < 32 * 40; ++p) {
        const auto noise = static_cast<std::uint8_t>(p * (i + 3) % 97);
        image.pixels.insert(image.pixels.end(), {static_cast<std::uint8_t>(is_red ? 130 : noise), noise,
                                                 static_cast<std::uint8_t>(is_red ? noise : 130)});
      }
      const fs::path file = folder_ / (std::to_string(i) + ".png");
      write_file(file, encode_png(image));
      auto& set = i < 24 ? train_ : test_;
      set.push_back({.image = file, .targets = {is_red ? 1.0F : 0.0F, is_red ? 0.0F : 1.0F}});
    }
  }
  static void TearDownTestSuite() {
    train_.clear();
    test_.clear();
    fs::remove_all(folder_);
  }

  void SetUp() override { torch::set_num_threads(2); }

  static ClassifierConfig config(const std::string& model) {
    ClassifierConfig config;
    config.model = model;
    config.weights = folder_ / (model + ".safetensors");
    config.image_pixels = 32;
    config.batch_size = 8;
    config.learning_rate = 0.003;
    config.epochs = 2;
    return config;
  }

  /// The validation set is the test set.
  static ClassifierData data(const std::vector<LabelledImage>& train) {
    return {.train = train, .validation = test_, .test = test_, .classes = {"red", "blue"}};
  }

  inline static fs::path folder_;
  inline static std::vector<LabelledImage> train_;
  inline static std::vector<LabelledImage> test_;
};

TEST_F(Classifier, LearnsWhatCanBeTold) {
  ClassifierConfig one = config("resnet50");
  one.epochs = 8;
  const ClassifierOutcome found = train_classifier(one, data(train_)).value();
  EXPECT_EQ(found.steps, 24);
  EXPECT_EQ(found.losses.size(), 24U);
  EXPECT_LT(found.losses.back(), 0.5 * found.losses.front());
  EXPECT_EQ(found.validations.size(), 8U);
  EXPECT_EQ(class_aurocs(found.scores, targets_of(test_), 2).macro, 1);
  for (std::size_t i = 0; i < found.scores.size(); i += 2) {
    EXPECT_NEAR(found.scores[i] + found.scores[i + 1], 1, 1e-9);
  }
  EXPECT_GT(found.images_per_second, 0);
  EXPECT_GE(found.data_wait, 0);
  EXPECT_LT(found.data_wait, 1);
}

TEST_F(Classifier, LearnsSeveralLabelsWhereSomeAreUnknown) {
  ClassifierConfig one = config("resnet50");
  one.epochs = 8;
  one.multi_label = true;
  one.optimizer = "adamw";
  one.learning_rate = 1e-3;
  std::vector<LabelledImage> train = train_;
  for (std::size_t i = 0; i < train.size(); i += 3) {
    train[i].targets[i % 2] = kUnknown;
  }
  const ClassifierOutcome found = train_classifier(one, data(train)).value();
  EXPECT_GT(class_aurocs(found.scores, targets_of(test_), 2).macro, 0.95);
}

TEST_F(Classifier, ScoresItsBestStateAndStopsWithPatience) {
  ClassifierConfig one = config("efficientnet_lite0");
  one.learning_rate = 1e-5;  // changes little: chance alone tells the states apart
  one.steps = 40;
  one.validate_every_steps = 1;
  one.patience = 3;
  std::vector<Validation> seen;
  const ClassifierOutcome found =
      train_classifier(one, data(train_),
                       {.after_validation = [&](const Validation& v) { seen.push_back(v); }})
          .value();
  ASSERT_EQ(seen.size(), found.validations.size());
  std::size_t best = 0;
  for (std::size_t i = 0; i < seen.size(); ++i) {
    best = seen[i].macro_auroc > seen[best].macro_auroc ? i : best;
  }
  EXPECT_EQ(found.best_step, seen[best].step);
  EXPECT_EQ(found.best_macro_auroc, seen[best].macro_auroc);
  EXPECT_TRUE(seen.size() == best + 4 || found.steps == 40) << seen.size() << " validations, best " << best;
  EXPECT_LT(found.steps, 40);
  EXPECT_EQ(class_aurocs(found.scores, targets_of(test_), 2).macro, found.best_macro_auroc);
}

TEST_F(Classifier, OneSeedGivesOneResult) {
  ClassifierConfig one = config("efficientnet_lite0");
  one.augmentation = {"horizontal_flip", "vertical_flip", "random_crop"};
  one.workers = 1;
  const ClassifierOutcome first = train_classifier(one, data(train_)).value();
  one.workers = 3;
  PictureCache pictures(32, "crop", 1 << 20);
  const ClassifierOutcome second = train_classifier(one, data(train_), {.pictures = &pictures}).value();
  EXPECT_EQ(first.losses, second.losses);
  EXPECT_EQ(first.scores, second.scores);
  const std::int64_t decoded = pictures.decoded();
  EXPECT_GE(decoded, 40);
  EXPECT_LT(decoded, 60);  // two epochs without a cache would be more
  one.seed = 1;
  EXPECT_NE(train_classifier(one, data(train_), {.pictures = &pictures})->losses, first.losses);
  EXPECT_EQ(pictures.decoded(), decoded);
  one.seed = 0;
  one.augmentation = {};
  EXPECT_NE(train_classifier(one, data(train_))->losses, first.losses);
}

TEST_F(Classifier, Bf16StaysNearFp32) {
  ClassifierConfig one = config("efficientnet_lite0");
  one.steps = 2;
  const double plain = train_classifier(one, data(train_))->losses[0];
  one.precision = "bf16";
  const double loss = train_classifier(one, data(train_))->losses[0];
  EXPECT_NE(loss, plain);
  EXPECT_NEAR(loss, plain, 0.1 * plain);  // the last maps are one pixel: statistics of eight values
}

TEST_F(Classifier, EndsWhenAskedTo) {
  std::int64_t steps = 0;
  const ClassifierRun run = {.after_step = [&](std::int64_t step, std::int64_t all, double) {
    EXPECT_EQ(all, 6);
    steps = step;
    return step < 2;
  }};
  EXPECT_FALSE(train_classifier(config("efficientnet_lite0"), data(train_), run));
  EXPECT_EQ(steps, 2);
}

TEST_F(Classifier, StepsAreOfEpochsOrTheirOwn) {
  ClassifierConfig one;
  one.batch_size = 8;
  one.epochs = 3;
  EXPECT_EQ(classifier_steps(one, 17), 9);
  one.steps = 5;
  EXPECT_EQ(classifier_steps(one, 17), 5);
}

TEST_F(Classifier, DataThatCannotBeTrainedOnIsNamed) {
  const auto expect = [&](const ClassifierConfig& one, const ClassifierData& sets, const std::string& text) {
    EXPECT_ERROR(check_classifier_data(one, sets, "run real-1%"), text);
    EXPECT_ERROR(train_classifier(one, sets), text);
  };
  ClassifierConfig one = config("resnet50");
  expect(one, data({}), "training images: no image");
  const auto with = [&](std::vector<float> targets) {
    std::vector<LabelledImage> train = train_;
    train[3].targets = std::move(targets);
    return train;
  };
  auto train = with({1, 1});
  expect(one, data(train), "3.png: expected one class, found 2");
  train = with({1, 0, 0});
  expect(one, data(train), "expected 2 labels, found 3");
  train = {train_[0], train_[2]};
  expect(one, data(train), "no training image of class blue");
  ClassifierData sets = data(train_);
  sets.validation = std::span(test_).first(1);
  expect(one, sets, "validation images: no class has both");
  one.multi_label = true;
  train = with({2, 0});
  expect(one, data(train), "labels of 0, 1 or missing");
  EXPECT_ERROR(check_classifier_data(one, data({}), "run real-1%"), "run real-1%: training images");
}

TEST_F(Classifier, WeightsThatDoNotFitAreNamed) {
  ClassifierConfig one = config("resnet50");
  one.weights = "";
  EXPECT_ERROR(train_classifier(one, data(train_)), "classifier.weights: expected the ImageNet weights");
  one.weights = folder_ / "none.pth";
  EXPECT_ERROR(train_classifier(one, data(train_)), "none.pth");
  one.weights = folder_ / "efficientnet_lite0.safetensors";
  EXPECT_ERROR(train_classifier(one, data(train_)), "efficientnet_lite0.safetensors");
}

TEST_F(Classifier, DivergedTrainingIsNamed) {
  ClassifierConfig one = config("efficientnet_lite0");
  one.learning_rate = 10;
  one.weight_decay = 10;
  one.steps = 60;
  EXPECT_ERROR(train_classifier(one, data(train_)), "lower classifier.learning_rate");
}

TEST(ClassifierConfigFile, MistakesAreNamed) {
  const auto read = [](const std::string& text) {
    return config_from_node<ClassifierConfig>(parse_config_text(text, "classify.yaml"));
  };
  EXPECT_EQ(read("optimizer: adamw\nsteps: 30").steps, 30);
  EXPECT_ERROR(read("optimizer: adam"), "adamw");
  EXPECT_ERROR(read("model: resnet51"), "resnet50");
  EXPECT_ERROR(read("learning_rates: 0.1"), "learning_rate");
  EXPECT_ERROR(read("steps: 0"), "steps");
  EXPECT_ERROR(read("augmentation: [rotation]"), "random_crop");
  EXPECT_ERROR(read("batch_size: 1"), "batch_size");
}

}  // namespace
}  // namespace medisyn
