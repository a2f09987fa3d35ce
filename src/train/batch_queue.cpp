#include "medisyn/train/batch_queue.h"

#include <ATen/Parallel.h>
#include <omp.h>

namespace medisyn {
namespace {

/// Micro-batches that are loaded ahead, a thread.
constexpr std::size_t kAheadPerThread = 2;

/// This thread's kernels run on it alone: the others belong to the step that is computed.
void use_one_thread() {
  at::get_num_threads();  // sets this thread's number to torch's, once
  omp_set_num_threads(1);
}

}  // namespace

BatchQueue::BatchQueue(std::int64_t first, std::int64_t last, PlanFn plan, LoadFn load, std::int64_t threads)
    : step_(first),
      last_(last),
      plan_(std::move(plan)),
      load_(std::move(load)),
      ahead_(static_cast<std::size_t>(threads) * kAheadPerThread) {
  for (std::int64_t i = 0; i < threads; ++i) {
    threads_.emplace_back([this] { work(); });
  }
}

BatchQueue::~BatchQueue() {
  {
    const std::scoped_lock lock(mutex_);
    ends_ = true;
  }
  wanted_.notify_all();
  for (std::thread& thread : threads_) {
    thread.join();
  }
}

/// The next slot to be filled; waits until one is wanted. Null at the end.
BatchQueue::Slot* BatchQueue::claim(std::unique_lock<std::mutex>& lock) {
  wanted_.wait(lock,
               [this] { return ends_ || (slots_.size() < ahead_ && (!planned_.empty() || step_ < last_)); });
  if (ends_) {
    return nullptr;
  }
  if (planned_.empty()) {
    for (MicroBatch& batch : plan_(step_++)) {
      planned_.push_back(std::move(batch));
    }
  }
  slots_.push_back({.batch = std::move(planned_.front())});
  planned_.pop_front();
  return &slots_.back();
}

void BatchQueue::work() {
  use_one_thread();
  std::unique_lock lock(mutex_);
  while (Slot* slot = claim(lock)) {
    lock.unlock();
    std::exception_ptr error;
    Batch batch;
    try {
      batch = load_(slot->batch.draws);
    } catch (...) {
      error = std::current_exception();
    }
    lock.lock();
    slot->batch.batch = std::move(batch);
    slot->error = error;
    slot->is_loaded = true;
    loaded_.notify_all();
  }
}

MicroBatch BatchQueue::next() {
  std::unique_lock lock(mutex_);
  loaded_.wait(lock, [this] { return !slots_.empty() && slots_.front().is_loaded; });
  Slot slot = std::move(slots_.front());
  slots_.pop_front();
  wanted_.notify_all();
  lock.unlock();
  if (slot.error) {
    std::rethrow_exception(slot.error);
  }
  return std::move(slot.batch);
}

}  // namespace medisyn
