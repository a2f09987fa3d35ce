#include "medisyn/curate/workers.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace medisyn {
namespace {

/// What the threads of one call share.
struct Shared {
  Shared(std::int64_t total, const std::function<void(std::int64_t)>& what) : count(total), work(what) {}

  std::int64_t count;
  const std::function<void(std::int64_t)>& work;
  std::atomic<std::int64_t> next{0}, done{0};
  std::atomic<bool> is_ending{false};
  std::mutex mutex;
  std::condition_variable changed;
  std::int64_t running = 0;
  std::exception_ptr fault;

  void run() {
    while (!is_ending) {
      const std::int64_t i = next++;
      if (i >= count) {
        break;
      }
      try {
        work(i);
        ++done;
      } catch (...) {
        const std::scoped_lock lock(mutex);
        fault = fault ? fault : std::current_exception();
        is_ending = true;
      }
    }
    const std::scoped_lock lock(mutex);
    --running;
    changed.notify_one();
  }
};

}  // namespace

void for_each_parallel(std::int64_t count, std::int64_t threads,
                       const std::function<void(std::int64_t)>& work,
                       const std::function<void(std::int64_t done)>& watch) {
  constexpr std::chrono::milliseconds kBetween{200};
  Shared shared(count, work);
  shared.running = std::clamp<std::int64_t>(threads, 1, std::max<std::int64_t>(1, count));
  std::vector<std::jthread> pool;
  for (std::int64_t i = shared.running; i > 0; --i) {
    pool.emplace_back([&shared] { shared.run(); });
  }
  std::unique_lock lock(shared.mutex);
  while (shared.running > 0) {
    shared.changed.wait_for(lock, kBetween, [&] { return shared.running == 0; });
    lock.unlock();
    try {
      watch(shared.done);
    } catch (...) {
      shared.is_ending = true;
      lock.lock();
      shared.fault = shared.fault ? shared.fault : std::current_exception();
      continue;
    }
    lock.lock();
  }
  if (shared.fault) {
    std::rethrow_exception(shared.fault);
  }
}

}  // namespace medisyn
