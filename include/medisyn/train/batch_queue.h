// Reads ahead: batches are loaded in order on threads of their own while the device computes.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "medisyn/train/objective.h"

namespace medisyn {

/// What is computed at a time: some draws of a step.
struct MicroBatch {
  std::int64_t micro = 0;              ///< counted within the step
  bool is_last = false;                ///< of the step
  double share = 0;                    ///< of the step's mean loss
  std::vector<SampleDraw> draws = {};  ///< none on a rank for which a short batch leaves no image
  Batch batch = {};                    ///< what objective.load() made of them
};

class BatchQueue {
 public:
  using PlanFn = std::function<std::vector<MicroBatch>(std::int64_t step)>;  ///< without their batches
  using LoadFn = std::function<Batch(const std::vector<SampleDraw>&)>;

  /// Steps first .. last - 1. `plan` is asked by one thread at a time.
  BatchQueue(std::int64_t first, std::int64_t last, PlanFn plan, LoadFn load, std::int64_t threads);
  ~BatchQueue();
  BatchQueue(const BatchQueue&) = delete;
  BatchQueue& operator=(const BatchQueue&) = delete;

  /// The next one; waits for it. Throws what loading it threw.
  MicroBatch next();

 private:
  struct Slot {
    MicroBatch batch;
    bool is_loaded = false;
    std::exception_ptr error = nullptr;
  };

  void work();
  Slot* claim(std::unique_lock<std::mutex>& lock);

  std::int64_t step_;  ///< to be planned next
  std::int64_t last_;
  PlanFn plan_;
  LoadFn load_;
  std::size_t ahead_;
  std::mutex mutex_;
  std::condition_variable loaded_;
  std::condition_variable wanted_;
  std::deque<Slot> slots_;  ///< in order; a deque keeps its elements in place
  std::deque<MicroBatch> planned_;
  bool ends_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace medisyn
