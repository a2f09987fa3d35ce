// What is written down of a run while it goes: RUN/metrics.jsonl, RUN/tensorboard/ and the progress line.
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "medisyn/train/event_file.h"
#include "medisyn/train/objective.h"

namespace medisyn {

/// One step, as it went.
struct StepFigures {
  double loss = 0;
  double grad_norm = 0;  ///< before clipping
  double learning_rate = 0;
  std::int64_t images = 0;              ///< of all ranks
  double data_wait = 0;                 ///< seconds in which there was no batch to compute
  double forward_backward_seconds = 0;  ///< with the reduction over ranks
  double optimizer_seconds = 0;         ///< clipping, AdamW, EMA
};

/// How fast the device could be.
struct Speed {
  double flops_per_image = 0;        ///< of a forward pass; a step has three of it (backward has two)
  std::optional<double> peak_flops;  ///< a second, of all ranks' devices
};

class RunLog {
 public:
  /// Goes on with the files of a run; the lines after `step`, which will be done again, are dropped.
  RunLog(std::filesystem::path run, std::int64_t step);

  void add(const StepFigures& figures);

  /// Means a step since the last line, images_per_second, data_wait (a share of the time), tflops and mfu
  /// where they are known, memory_gb.
  void write_window(std::int64_t step, std::int64_t epoch, const Speed& speed, const torch::Device& device);

  void write_scores(std::int64_t step, std::int64_t epoch, const Scores& scores);

  /// RUN/previews/step-N/00.png, ... and TensorBoard.
  void write_preview(std::int64_t step, std::int64_t number, const std::string& prompt,
                     const std::string& png);

  /// Time that was spent on something else than steps.
  void leave_out(std::chrono::steady_clock::duration time) { window_start_ += time; }

  /// "loss 0.0123  88.0 images/s" of the steps since the last line.
  std::string shown() const;

  /// The scores of the run's first validation; none when there was none.
  const Scores& first_scores() const { return first_scores_; }

 private:
  void write(std::int64_t step, std::int64_t epoch, const Scores& scores);
  double seconds() const;

  std::filesystem::path run_;
  EventFile events_;
  Scores first_scores_;
  StepFigures sums_;  ///< since the last line
  std::int64_t steps_ = 0;
  std::string shown_;
  std::chrono::steady_clock::time_point window_start_;
};

}  // namespace medisyn
