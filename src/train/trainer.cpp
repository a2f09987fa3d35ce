#include "medisyn/train/trainer.h"

#include <fmt/ranges.h>

#include <cmath>
#include <optional>
#include <sstream>

#include "medisyn/core/error.h"
#include "medisyn/core/files.h"
#include "medisyn/core/interrupt.h"
#include "medisyn/core/log.h"
#include "medisyn/core/progress.h"
#include "medisyn/io/jsonl.h"
#include "medisyn/train/checkpoint.h"
#include "medisyn/train/event_file.h"
#include "medisyn/train/learning_rate.h"
#include "medisyn/train/objective.h"
#include "medisyn/train/parameter_store.h"
#include "medisyn/train/sample_order.h"
#include "medisyn/train/step_dump.h"

namespace medisyn {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

/// Drops the lines of steps that a resumed run will do again.
void cut_metrics(const fs::path& path, std::int64_t step) {
  if (!fs::exists(path)) {
    return;
  }
  std::istringstream lines(read_file(path));
  std::string kept;
  for (std::string line; std::getline(lines, line);) {
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    if (json.is_object() && json.value("step", std::int64_t{0}) <= step) {
      kept += line + "\n";
    }
  }
  write_file(path, kept);
}

/// The scores of the first validation of a run, out of the lines it wrote; none when there was none.
Scores first_validation(const fs::path& path) {
  Scores scores;
  for (const Json& line : read_jsonl(path)) {
    for (const auto& [name, value] : line.items()) {
      if (name.starts_with("validation/") && value.is_number()) {
        scores.emplace_back(name, value.get<double>());
      }
    }
    if (!scores.empty()) {
      break;
    }
  }
  return scores;
}

class Trainer {
 public:
  Trainer(const TrainConfig& config, const TrainOptions& options)
      : config_(config),
        options_(options),
        objective_(config.objective == "vae" ? make_vae_objective(config, options.device)
                                             : make_unet_objective(config, options.device)),
        store_(objective_.parameters, config.optimizer),
        order_(objective_.sample_ids, objective_.sample_types, config.data.balance,
               static_cast<std::uint64_t>(config.seed)) {
    if (options.resume) {
      load_checkpoint(newest_checkpoint(options.out), store_, config_to_json(config));
      cut_metrics(options.out / "metrics.jsonl", store_.step());
      first_scores_ = first_validation(options.out / "metrics.jsonl");
      log_info("going on after step {}", store_.step());
    } else {
      folder_.emplace(options.out);
      write_config_yaml(options.out / "config.yaml", config);
    }
    events_.emplace(options.out / "tensorboard");
  }

  Json run() {
    log_info("{} images, {} parameters, {} steps of {} images", order_.epoch_size(), store_.size(),
             config_.max_steps, config_.batch_size);
    if (store_.step() == 0) {
      validate();
    }
    Progress progress("train", config_.max_steps, "steps", store_.step());
    window_start_ = Clock::now();
    while (store_.step() < config_.max_steps && !interrupted()) {
      step();
      progress.update(store_.step(),
                      fmt::format("loss {:.4f}  {:.1f} images/s", shown_loss_, images_per_second_));
      if (store_.step() % config_.validate_every_steps == 0 || store_.step() == config_.max_steps) {
        validate();
      }
      if (store_.step() % config_.save_every_steps == 0 && store_.step() < config_.max_steps) {
        save();
      }
    }
    progress.finish();
    save();
    if (interrupted() && store_.step() < config_.max_steps) {
      log_warning("interrupted: step {} is saved; go on with: {}", store_.step(), options_.go_on);
    }
    return metrics();
  }

 private:
  void step() {
    const std::int64_t number = store_.step();
    const auto draws = order_.draws(number * config_.batch_size, config_.batch_size);
    const double rate = learning_rate_at(config_.optimizer, number, config_.max_steps);
    const torch::Tensor loss = forward_backward(draws);
    const torch::Tensor norm = store_.clip_gradients();
    check_finite(loss, norm, draws);
    store_.apply(rate);
    log(loss.item<double>(), norm.item<double>(), rate);
  }

  torch::Tensor forward_backward(const std::vector<SampleDraw>& draws) {
    store_.zero_gradients();
    const auto size = static_cast<std::size_t>(config_.micro_batch_size.value_or(config_.batch_size));
    torch::Tensor total;
    std::int64_t micro = 0;
    for (std::size_t first = 0; first < draws.size(); first += size) {
      const std::size_t last = std::min(first + size, draws.size());
      const std::vector<SampleDraw> part(draws.begin() + static_cast<long>(first),
                                         draws.begin() + static_cast<long>(last));
      const double share = static_cast<double>(part.size()) / static_cast<double>(draws.size());
      const torch::Tensor loss = accumulate(part, share, micro++);
      total = total.defined() ? total + loss : loss;
    }
    return total;
  }

  /// Adds the gradients of some of a batch's images; gives their share of its mean loss.
  torch::Tensor accumulate(const std::vector<SampleDraw>& draws, double share, std::int64_t micro) {
    const Clock::time_point start = Clock::now();
    Batch batch = objective_.prepare(draws);
    window_wait_ += seconds_since(start);
    const torch::Tensor loss = objective_.loss(batch);
    (loss * share).backward();
    if (store_.step() < options_.dump_steps) {
      dump_step(options_.out, {.step = store_.step(), .micro = micro}, batch, draws, sample_ids(draws),
                loss.detach());
    }
    return loss.detach() * share;
  }

  void check_finite(const torch::Tensor& loss, const torch::Tensor& norm,
                    const std::vector<SampleDraw>& draws) {
    if (std::isfinite(loss.item<double>()) && std::isfinite(norm.item<double>())) {
      return;
    }
    fail(
        "step {}: the loss or its gradient is not finite (loss {}, norm {}): lower optimizer.learning_rate "
        "or look at "
        "these samples: {}",
        store_.step() + 1, loss.item<double>(), norm.item<double>(), fmt::join(sample_ids(draws), ", "));
  }

  std::vector<std::string> sample_ids(const std::vector<SampleDraw>& draws) const {
    std::vector<std::string> ids;
    for (const SampleDraw& draw : draws) {
      ids.push_back(objective_.sample_ids[static_cast<std::size_t>(draw.index)]);
    }
    return ids;
  }

  void log(double loss, double norm, double rate) {
    window_loss_ += loss;
    ++window_steps_;
    shown_loss_ = window_loss_ / static_cast<double>(window_steps_);
    const double seconds = std::max(seconds_since(window_start_), 1e-9);
    images_per_second_ = static_cast<double>(window_steps_ * config_.batch_size) / seconds;
    if (store_.step() % config_.log_every_steps != 0 && store_.step() != config_.max_steps) {
      return;
    }
    write_metrics({{"loss", shown_loss_},
                   {"learning_rate", rate},
                   {"grad_norm", norm},
                   {"images_per_second", images_per_second_},
                   {"data_wait", window_wait_ / seconds}});
    window_loss_ = 0;
    window_wait_ = 0;
    window_steps_ = 0;
    window_start_ = Clock::now();
  }

  void write_metrics(const Scores& scores) {
    Json line = {{"step", store_.step()},
                 {"epoch", store_.step() * config_.batch_size / order_.epoch_size()}};
    for (const auto& [name, value] : scores) {
      line[name] = value;
      events_->add_scalar(name, value, store_.step());
    }
    append_line(options_.out / "metrics.jsonl", line.dump());
  }

  void validate() {
    const Clock::time_point start = Clock::now();
    const WithEma ema(store_);
    last_scores_ = objective_.validate();
    write_metrics(last_scores_);
    if (first_scores_.empty()) {
      first_scores_ = last_scores_;
    }
    std::string line = fmt::format("step {}:", store_.step());
    for (const auto& [name, value] : last_scores_) {
      line += fmt::format("  {} {:.4g}", name.substr(name.find('/') + 1), value);
    }
    log_info("{}", line);
    window_start_ += Clock::now() - start;
  }

  void save() {
    const Clock::time_point start = Clock::now();
    save_checkpoint(options_.out, objective_, store_, config_to_json(config_), config_.keep_checkpoints);
    window_start_ += Clock::now() - start;
  }

  Json metrics() const {
    Json result = {{"steps", store_.step()}, {"parameters", store_.size()}, {"images", order_.epoch_size()}};
    for (const auto& [name, value] : first_scores_) {
      result["first/" + name] = value;
    }
    for (const auto& [name, value] : last_scores_) {
      result[name] = value;
    }
    return result;
  }

  TrainConfig config_;
  TrainOptions options_;
  Objective objective_;
  ParameterStore store_;
  SampleOrder order_;
  std::optional<OutputFolder> folder_;  ///< of a run that begins
  std::optional<EventFile> events_;
  Scores first_scores_;
  Scores last_scores_;
  double window_loss_ = 0;
  double window_wait_ = 0;  ///< seconds in which no loss was computed for want of a batch
  std::int64_t window_steps_ = 0;
  double shown_loss_ = 0;
  double images_per_second_ = 0;
  Clock::time_point window_start_;
};

}  // namespace

Json train(const TrainConfig& config, const TrainOptions& options) { return Trainer(config, options).run(); }

}  // namespace medisyn
