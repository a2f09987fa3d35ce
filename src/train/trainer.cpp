#include "medisyn/train/trainer.h"

#include <ATen/Parallel.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/core/memory.h"
#include "medisyn/core/progress.h"
#include "medisyn/core/random_key.h"
#include "medisyn/dist/communicator.h"
#include "medisyn/dist/gradient_reducer.h"
#include "medisyn/dist/peak_flops.h"
#include "medisyn/train/batch_queue.h"
#include "medisyn/train/checkpoint.h"
#include "medisyn/train/learning_rate.h"
#include "medisyn/train/objective.h"
#include "medisyn/train/parameter_store.h"
#include "medisyn/train/run_log.h"
#include "medisyn/train/sample_order.h"
#include "medisyn/train/step_dump.h"
#include "validation.h"

namespace medisyn {
namespace {

/// Taking memory again costs the next step of a small model a quarter of its time, and of a large one
/// nothing.
constexpr std::size_t kLargeHeap = std::size_t{2} << 30;

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

std::vector<torch::Tensor> tensors_of(const NamedParameters& parameters) {
  std::vector<torch::Tensor> tensors;
  for (const auto& [name, tensor] : parameters) {
    tensors.push_back(tensor);
  }
  return tensors;
}

class Trainer {
 public:
  Trainer(const TrainConfig& config, const TrainOptions& options, Objective objective, Communicator& ranks)
      : config_(config),
        options_(options),
        objective_(std::move(objective)),
        ranks_(ranks),
        store_(objective_.parameters, config.optimizer, ranks),
        order_(objective_.sample_ids, objective_.sample_types, config.data.balance,
               static_cast<std::uint64_t>(config.seed), config.batch_size),
        last_step_(config.max_steps.value_or(config.epochs * order_.steps_per_epoch())),
        reducer_(ranks, tensors_of(objective_.parameters)) {
    if (options.resume || (options.restarted && has_checkpoint(options.out))) {
      load_checkpoint(newest_checkpoint(options.out), objective_, store_, config_to_json(config));
      log_info("going on after step {}", store_.step());
    } else if (ranks.is_first()) {
      if (!options.restarted) {
        folder_.emplace(options.out);
      }
      write_config_yaml(options.out / "config.yaml", config);
    }
    if (ranks.is_first()) {
      log_.emplace(options.out, store_.step());
    }
    if (const auto peak = peak_flops(options.device, dtype_of(config.precision))) {
      speed_.peak_flops = *peak * static_cast<double>(ranks.world());
    }
  }

  Json run() {
    log_info("{} images, {} parameters, {} steps of {} images ({} an epoch), {} process(es), {} {}",
             order_.epoch_size(), store_.size(), last_step_, config_.batch_size, order_.steps_per_epoch(),
             ranks_.world(), options_.device.str(), config_.precision);
    if (store_.step() == 0) {
      validate();
    }
    BatchQueue queue(
        store_.step(), last_step_, [this](std::int64_t number) { return plan(number); },
        [this](const std::vector<SampleDraw>& draws) { return load(draws); }, workers());
    Progress progress("train", last_step_, "steps", store_.step());
    saved_at_ = Clock::now();
    while (store_.step() < last_step_ && !is_ending_) {
      step(queue);
      if (log_) {
        progress.update(store_.step(), log_->shown());
      }
      after_step();
    }
    progress.finish();
    save();
    if (is_ending_ && store_.step() < last_step_ && ranks_.is_first()) {
      log_warning("interrupted: step {} is saved; go on with: {}", store_.step(), options_.go_on);
    }
    return metrics();
  }

 private:
  /// This rank's part of a step, cut into micro-batches.
  std::vector<MicroBatch> plan(std::int64_t number) {
    const std::vector<SampleDraw> all = order_.batch(number);
    std::vector<SampleDraw> own = share_of(all, ranks_.rank().rank, ranks_.world());
    if (own.empty()) {
      return {{.is_last = true}};
    }
    const auto size = static_cast<std::size_t>(config_.micro_batch_size.value_or(std::ssize(own)));
    std::vector<MicroBatch> parts;
    for (std::size_t first = 0; first < own.size(); first += size) {
      const std::size_t last = std::min(first + size, own.size());
      parts.push_back(
          {.micro = std::ssize(parts),
           .is_last = last == own.size(),
           .share = static_cast<double>(last - first) / static_cast<double>(all.size()),
           .draws = {own.begin() + static_cast<long>(first), own.begin() + static_cast<long>(last)}});
    }
    return parts;
  }

  Batch load(const std::vector<SampleDraw>& draws) const {
    try {
      return draws.empty() ? Batch() : objective_.load(draws);
    } catch (const Error& error) {
      fail("while the images of a step were read: {}", error.what());
    }
  }

  std::int64_t workers() const {
    return config_.data.workers > 0 ? config_.data.workers
                                    : std::max<std::int64_t>(1, at::get_num_threads() / 4);
  }

  void step(BatchQueue& queue) {
    const std::int64_t number = store_.step();
    StepFigures figures;
    figures.learning_rate = learning_rate_at(config_.optimizer, number, last_step_);
    const Clock::time_point start = Clock::now();
    const double own_loss = forward_backward(queue, figures);
    // What all ranks must agree on, in one sum: the loss, whether one was asked to end or to save.
    torch::Tensor agreed =
        torch::tensor({own_loss, interrupted() ? 1.0 : 0.0, wants_save() ? 1.0 : 0.0}, torch::kDouble);
    ranks_.sum(agreed);
    figures.loss = agreed[0].item<double>();
    is_ending_ = agreed[1].item<double>() > 0;
    saves_ = agreed[2].item<double>() > 0;
    figures.forward_backward_seconds = seconds_since(start) - figures.data_wait;
    const Clock::time_point reduced = Clock::now();
    ranks_.set_phase(fmt::format("step {}: optimizer", number + 1));
    figures.grad_norm = store_.gradient_norm();
    if (!std::isfinite(figures.loss) || !std::isfinite(figures.grad_norm)) {
      skip_or_stop(own_loss, figures);
      return;
    }
    store_.apply(figures.learning_rate, figures.grad_norm);
    store_.drop_gradients();
    figures.optimizer_seconds = seconds_since(reduced);
    figures.images = std::ssize(order_.batch(number));
    if (log_) {
      log_->add(figures);
    }
  }

  /// Leaves the mean gradient of all ranks' images in the store; gives this rank's share of the mean loss.
  double forward_backward(BatchQueue& queue, StepFigures& figures) {
    step_ids_.clear();
    torch::Tensor total;
    for (bool is_last = false; !is_last;) {
      ranks_.set_phase(fmt::format("step {}: waiting for data", store_.step() + 1));
      const Clock::time_point start = Clock::now();
      MicroBatch part = queue.next();
      figures.data_wait += seconds_since(start);
      is_last = part.is_last;
      const torch::Tensor loss = accumulate(part);
      total = total.defined() ? total + loss : loss;
    }
    return total.item<double>();
  }

  /// Adds the gradients of some of a batch's images; gives their share of its mean loss.
  torch::Tensor accumulate(MicroBatch& part) {
    const std::vector<std::string> ids = sample_ids(part.draws);
    step_ids_.insert(step_ids_.end(), ids.begin(), ids.end());
    ranks_.set_phase(
        fmt::format("step {}: forward and backward of {}", store_.step() + 1, fmt::join(ids, ", ")));
    if (part.draws.empty()) {  // fewer images than ranks
      reducer_.share_nothing();
      return torch::zeros({});
    }
    if (part.is_last) {
      reducer_.expect_backward();
    }
    // Dropout inside a network draws the same numbers in a resumed run.
    torch::manual_seed(
        random_key({static_cast<std::uint64_t>(config_.seed), hash_text("network"),
                    static_cast<std::uint64_t>(store_.step()), static_cast<std::uint64_t>(part.micro),
                    static_cast<std::uint64_t>(ranks_.rank().rank)}));
    const torch::Tensor loss = objective_.loss(part.batch);
    const double ranks_in_mean = static_cast<double>(ranks_.world());  // the reducer divides by it
    (loss * (part.share * ranks_in_mean)).backward();
    if (part.is_last) {
      reducer_.require_reduced();
    }
    if (store_.step() < options_.dump_steps) {
      dump_step(options_.out, {.step = store_.step(), .rank = ranks_.rank().rank, .micro = part.micro},
                part.batch, part.draws, ids, loss.detach());
    }
    return loss.detach() * part.share;
  }

  /// Every rank names its samples where its loss is not finite, or all where only the sum is not.
  void skip_or_stop(double own_loss, const StepFigures& figures) {
    const std::vector<std::string> named =
        ranks_.gather(std::isfinite(own_loss) && !std::isfinite(figures.loss)
                          ? ""
                          : fmt::format("rank {}: {}", ranks_.rank().rank, fmt::join(step_ids_, ", ")));
    std::vector<std::string> lines;
    std::copy_if(named.begin(), named.end(), std::back_inserter(lines),
                 [](const std::string& line) { return !line.empty(); });
    const std::string what =
        fmt::format("step {}: the loss or its gradient is not finite (loss {}, norm {}); samples of {}",
                    store_.step() + 1, figures.loss, figures.grad_norm, fmt::join(lines, "; "));
    if (++bad_steps_ > config_.max_bad_steps) {
      fail(
          "{}: lower optimizer.learning_rate, look at these samples, or allow some such steps by "
          "max_bad_steps",
          what);
    }
    log_warning("{}: left out, {} of {} allowed", what, bad_steps_, config_.max_bad_steps);
    store_.skip();
    store_.drop_gradients();
  }

  std::vector<std::string> sample_ids(const std::vector<SampleDraw>& draws) const {
    std::vector<std::string> ids;
    for (const SampleDraw& draw : draws) {
      ids.push_back(objective_.sample_ids[static_cast<std::size_t>(draw.index)]);
    }
    return ids;
  }

  bool wants_save() const {
    const bool is_due = ranks_.is_first() && config_.save_every_minutes &&
                        seconds_since(saved_at_) >= *config_.save_every_minutes * 60;
    return save_requested() || is_due;
  }

  /// Every so many steps, or at each epoch's end.
  bool is_time(const std::optional<std::int64_t>& every) const {
    return store_.step() % every.value_or(order_.steps_per_epoch()) == 0;
  }

  void after_step() {
    const bool is_end = store_.step() == last_step_;
    if (log_ && (store_.step() % config_.log_every_steps == 0 || is_end)) {
      speed_.flops_per_image = objective_.flops_per_image();
      log_->write_window(store_.step(), epoch(), speed_, options_.device);
    }
    if (is_time(config_.validate_every_steps) || is_end) {
      validate();
    }
    if (!is_end && (saves_ || is_time(config_.save_every_steps))) {
      save();
    }
  }

  std::int64_t epoch() const { return store_.step() / order_.steps_per_epoch(); }

  void validate() {
    const Clock::time_point start = Clock::now();
    ranks_.set_phase(fmt::format("step {}: validation", store_.step()));
    const WithEma ema(store_);
    give_back_free_memory(kLargeHeap);
    last_scores_ = held_out_scores(objective_, ranks_);
    if (log_) {
      log_->write_scores(store_.step(), epoch(), last_scores_);
      std::string line = fmt::format("step {}:", store_.step());
      for (const auto& [name, value] : last_scores_) {
        line += fmt::format("  {} {:.4g}", name.substr(name.find('/') + 1), value);
      }
      log_info("{}", line);
    }
    const auto& prompts = config_.preview.prompts;
    const std::vector<std::string> pngs = draw_previews(objective_, std::ssize(prompts), ranks_);
    for (std::size_t i = 0; log_ && i < pngs.size(); ++i) {
      log_->write_preview(store_.step(), static_cast<std::int64_t>(i), prompts[i], pngs[i]);
    }
    give_back_free_memory(kLargeHeap);
    if (log_) {
      log_->leave_out(Clock::now() - start);
    }
  }

  void save() {
    const Clock::time_point start = Clock::now();
    ranks_.set_phase(fmt::format("step {}: saving", store_.step()));
    save_checkpoint(options_.out, objective_, store_, config_to_json(config_), config_.keep_checkpoints,
                    ranks_);
    saved_at_ = Clock::now();
    if (log_) {
      log_->leave_out(saved_at_ - start);
    }
  }

  Json metrics() const {
    Json result = {{"steps", store_.step()}, {"parameters", store_.size()}, {"images", order_.epoch_size()}};
    if (bad_steps_ > 0) {
      result["bad_steps"] = bad_steps_;
    }
    if (log_) {
      for (const auto& [name, value] : log_->first_scores()) {
        result["first/" + name] = value;
      }
    }
    for (const auto& [name, value] : last_scores_) {
      result[name] = value;
    }
    return result;
  }

  TrainConfig config_;
  TrainOptions options_;
  Objective objective_;
  Communicator& ranks_;
  ParameterStore store_;
  SampleOrder order_;
  std::int64_t last_step_;
  GradientReducer reducer_;
  std::optional<OutputFolder> folder_;  ///< of a run that begins, on the first rank
  std::optional<RunLog> log_;           ///< on the first rank
  Speed speed_;
  Scores last_scores_;
  std::vector<std::string> step_ids_;  ///< samples of this rank's part of the step
  std::int64_t bad_steps_ = 0;
  bool is_ending_ = false;
  bool saves_ = false;  ///< after this step, because somebody asked or it is time
  Clock::time_point saved_at_;
};

/// True when all ranks have made their share.
bool make_cache_together(const MakeShare& make_share, Communicator& ranks) {
  ranks.set_phase("caching");
  const bool goes_on = make_share(ranks.rank(), [] { return !interrupted(); });
  torch::Tensor ended = torch::tensor({goes_on ? 0.0 : 1.0}, torch::kDouble);
  ranks.sum(ended);
  return ended.item<double>() == 0;
}

std::optional<Objective> make_objective(const TrainConfig& config, torch::Device device,
                                        Communicator& ranks) {
  ranks.set_phase("loading");
  if (config.objective == "vae") {
    return make_vae_objective(config, device);
  }
  return make_unet_objective(config, device,
                             [&](const MakeShare& share) { return make_cache_together(share, ranks); });
}

/// Runs one rank's work; an error ends the others too.
template <class Work>
auto as_rank(const TrainOptions& options, const Work& work) {
  Communicator ranks(options.rank, options.device);
  try {
    return work(ranks);
  } catch (const std::exception& error) {
    ranks.fail_all(error);
    throw;
  }
}

}  // namespace

Json train(const TrainConfig& config, const TrainOptions& options) {
  return as_rank(options, [&](Communicator& ranks) -> Json {
    auto objective = make_objective(config, options.device, ranks);
    if (!objective) {
      log_warning("interrupted: what is cached stays; go on with: {}", options.go_on);
      return {};
    }
    return Trainer(config, options, std::move(*objective), ranks).run();
  });
}

Json make_cache(const TrainConfig& config, const TrainOptions& options) {
  if (config.objective != "unet" || !config.cache.folder) {
    fail("medisyn cache: expected objective: unet and the key cache.folder, found {}",
         config.objective != "unet" ? "objective: " + config.objective : "no cache.folder");
  }
  return as_rank(options, [&](Communicator& ranks) -> Json {
    const auto objective = make_objective(config, options.device, ranks);
    if (!objective) {
      log_warning("interrupted: what is cached stays; go on with: {}", options.go_on);
      return {};
    }
    return {{"images", objective->sample_ids.size()}, {"held_out", objective->held_out_types.size()}};
  });
}

}  // namespace medisyn
