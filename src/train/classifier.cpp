#include "medisyn/train/classifier.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <numeric>
#include <utility>

#include "classifier_images.h"
#include "classifier_loss.h"
#include "classifier_network.h"
#include "classifier_optimizer.h"
#include "medisyn/core/error.h"
#include "medisyn/core/random_key.h"
#include "medisyn/stats/auroc.h"
#include "medisyn/train/batch_queue.h"
#include "medisyn/train/learning_rate.h"
#include "medisyn/train/objective.h"

namespace medisyn {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::int64_t kMostWorkers = 8;
constexpr std::int64_t kScoredAtOnce = 32;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::int64_t workers(const ClassifierConfig& config) {
  return config.workers > 0 ? config.workers : std::min<std::int64_t>(at::get_num_threads(), kMostWorkers);
}

/// Scores of a whole set with its mean loss.
struct Scored {
  std::vector<double> scores;  // [N, C]
  double loss = 0;
};

Scored score(const ClassifierNetwork& network, const ClassifierImages& images, const ClassifierConfig& config,
             torch::Device device) {
  const torch::NoGradGuard no_grad;
  const std::int64_t steps = (images.size() + kScoredAtOnce - 1) / kScoredAtOnce;
  BatchQueue queue(
      0, steps,
      [&](std::int64_t step) {
        std::vector<SampleDraw> draws;
        for (std::int64_t i = step * kScoredAtOnce; i < std::min((step + 1) * kScoredAtOnce, images.size());
             ++i) {
          draws.push_back({.index = i});
        }
        return std::vector<MicroBatch>{{.is_last = true, .draws = std::move(draws)}};
      },
      [&](const std::vector<SampleDraw>& draws) { return images.load(draws); }, workers(config));
  Scored result;
  for (std::int64_t step = 0; step < steps; ++step) {
    const MicroBatch part = queue.next();
    const torch::Tensor logits =
        network.logits(part.batch.at("images").to(device)).to(torch::kCPU, torch::kDouble);
    const torch::Tensor scores = (config.multi_label ? logits.sigmoid() : logits.softmax(1)).contiguous();
    const auto* values = scores.const_data_ptr<double>();
    result.scores.insert(result.scores.end(), values, values + scores.numel());
    const torch::Tensor loss =
        classifier_loss(logits, part.batch.at("targets").to(torch::kDouble), config.multi_label);
    result.loss +=
        loss.item<double>() * static_cast<double>(part.draws.size()) / static_cast<double>(images.size());
  }
  return result;
}

std::vector<float> targets_of(std::span<const LabelledImage> set) {
  std::vector<float> targets;
  for (const LabelledImage& one : set) {
    targets.insert(targets.end(), one.targets.begin(), one.targets.end());
  }
  return targets;
}

class ClassifierTrainer {
 public:
  ClassifierTrainer(const ClassifierConfig& config, const ClassifierData& data, const ClassifierRun& run,
                    PictureCache& pictures)
      : config_(config),
        data_(data),
        run_(run),
        network_(load_classifier_network(config, std::ssize(data.classes), run.device)),
        optimizer_(network_.module->parameters(), config),
        train_(data.train, pictures, network_.levels, config.augmentation),
        validation_(data.validation, pictures, network_.levels, {}),
        test_(data.test, pictures, network_.levels, {}),
        order_(classifier_order(config, train_.size())),
        last_step_(classifier_steps(config, train_.size())) {}

  std::optional<ClassifierOutcome> run() {
    const Clock::time_point start = Clock::now();
    BatchQueue queue(
        0, last_step_,
        [this](std::int64_t step) {
          return std::vector<MicroBatch>{{.is_last = true, .draws = order_.batch(step)}};
        },
        [this](const std::vector<SampleDraw>& draws) { return train_.load(draws); }, workers(config_));
    const std::int64_t every = config_.validate_every_steps.value_or(order_.steps_per_epoch());
    while (outcome_.steps < last_step_) {
      step(queue);
      if (run_.after_step && !run_.after_step(outcome_.steps, last_step_, outcome_.losses.back())) {
        return std::nullopt;
      }
      if ((outcome_.steps % every == 0 || outcome_.steps == last_step_) && !validate()) {
        break;
      }
    }
    outcome_.images_per_second = static_cast<double>(images_) / training_seconds_;
    outcome_.data_wait = waited_seconds_ / training_seconds_;
    outcome_.scores = score(*best_, test_, config_, run_.device).scores;
    outcome_.seconds = seconds_since(start);
    return std::move(outcome_);
  }

 private:
  void step(BatchQueue& queue) {
    const Clock::time_point start = Clock::now();
    MicroBatch part = queue.next();
    waited_seconds_ += seconds_since(start);
    // Dropout inside a network.
    torch::manual_seed(random_key({static_cast<std::uint64_t>(config_.seed), hash_text("network"),
                                   static_cast<std::uint64_t>(outcome_.steps)}));
    const torch::Tensor targets = part.batch.at("targets").to(run_.device);
    torch::Tensor logits;
    {
      const Autocast autocast(config_.precision, run_.device);
      logits = network_.logits(part.batch.at("images").to(run_.device)).to(torch::kFloat);
    }
    const torch::Tensor loss = classifier_loss(logits, targets, config_.multi_label);
    loss.backward();
    optimizer_.step(learning_rate_at({.learning_rate = config_.learning_rate, .schedule = config_.schedule},
                                     outcome_.steps, last_step_));
    outcome_.losses.push_back(loss.item<double>());
    training_seconds_ += seconds_since(start);
    images_ += std::ssize(part.draws);
    ++outcome_.steps;
    if (!std::isfinite(outcome_.losses.back())) {
      fail("classifier: the loss of step {} is not finite: lower classifier.learning_rate, now {}",
           outcome_.steps, config_.learning_rate);
    }
  }

  /// False when there was no better state for so long that the training ends.
  bool validate() {
    const ClassifierNetwork now = network_.frozen();
    const Scored scored = score(now, validation_, config_, run_.device);
    const auto macro = class_aurocs(scored.scores, targets_of(data_.validation), data_.classes.size()).macro;
    outcome_.validations.push_back({.step = outcome_.steps,
                                    .epoch = outcome_.steps / order_.steps_per_epoch(),
                                    .macro_auroc = macro.value(),
                                    .loss = scored.loss});
    const Validation& last = outcome_.validations.back();
    if (run_.after_validation) {
      run_.after_validation(last);
    }
    if (!best_ || last.macro_auroc > outcome_.best_macro_auroc) {
      best_ = now;
      outcome_.best_step = last.step;
      outcome_.best_epoch = last.epoch;
      outcome_.best_macro_auroc = last.macro_auroc;
      without_better_ = 0;
      return true;
    }
    return ++without_better_ < config_.patience.value_or(std::numeric_limits<std::int64_t>::max());
  }

  ClassifierConfig config_;
  ClassifierData data_;
  ClassifierRun run_;
  ClassifierNetwork network_;
  ClassifierOptimizer optimizer_;
  ClassifierImages train_;
  ClassifierImages validation_;
  ClassifierImages test_;
  SampleOrder order_;
  std::int64_t last_step_;
  ClassifierOutcome outcome_;
  std::optional<ClassifierNetwork> best_;
  std::int64_t without_better_ = 0;
  std::int64_t images_ = 0;
  double training_seconds_ = 0;
  double waited_seconds_ = 0;
};

}  // namespace

SampleOrder classifier_order(const ClassifierConfig& config, std::int64_t training_images) {
  std::vector<std::string> ids;
  for (std::int64_t i = 0; i < training_images; ++i) {
    ids.push_back(std::to_string(i));
  }
  std::vector<std::string> types(ids.size());
  return {std::move(ids), std::move(types), {}, static_cast<std::uint64_t>(config.seed), config.batch_size};
}

std::int64_t classifier_steps(const ClassifierConfig& config, std::int64_t training_images) {
  const std::int64_t an_epoch = (training_images + config.batch_size - 1) / config.batch_size;
  return config.steps.value_or(config.epochs * an_epoch);
}

std::optional<ClassifierOutcome> train_classifier(const ClassifierConfig& config, const ClassifierData& data,
                                                  const ClassifierRun& run) {
  check_classifier_data(config, data, "classifier");
  constexpr double kGib = 1024.0 * 1024 * 1024;
  std::optional<PictureCache> own;
  if (run.pictures == nullptr) {
    own.emplace(config.image_pixels, config.fit, static_cast<std::int64_t>(config.cache_gib * kGib));
  }
  PictureCache& pictures = own ? *own : *run.pictures;
  TORCH_CHECK(pictures.pixels() == config.image_pixels && pictures.fit() == config.fit,
              "a cache of pictures of another size or fit");
  return ClassifierTrainer(config, data, run, pictures).run();
}

}  // namespace medisyn
